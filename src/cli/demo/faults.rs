//! What goes wrong with the feed in the demo, and what must become of it. Days are numbers of
//! trading days in the sample; faults that change factors stand far enough apart (the demo's
//! deepest formula looks back 13 days) that what one of them changes, no other does.

use super::sample::Bar;
use super::scenario::{Draft, Fate};

/// Names one record of a fault, so that expectations can speak of it.
pub type Mark = usize;

/// One thing that goes wrong.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What it is: `broken JSON`.
    pub name: &'static str,
    /// Where: `AAPL 2017-10-17, cut off in the middle`.
    pub subject: String,
    /// All that must be seen of it in the outputs, in the order in which it is told.
    pub expects: Vec<Expect>,
}

/// Something that must be seen in the outputs. `after` names a record: only what is read back
/// after it was sent counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The record is a dead letter with this reason.
    DeadLetter {
        /// The record.
        mark: Mark,
        /// Its reason code.
        reason: &'static str,
    },
    /// The record is in the quarantine for this reason.
    Quarantined {
        /// The record.
        mark: Mark,
        /// Names of checks, or `late`.
        reason: &'static str,
    },
    /// The quarantine let go of the key `symbol|time`.
    Released {
        /// Key.
        key: String,
        /// Record that frees it.
        after: Mark,
    },
    /// A finding with the key `check|symbol|time`.
    Found {
        /// Key.
        key: String,
    },
    /// That finding is no more.
    Withdrawn {
        /// Key.
        key: String,
        /// Record that corrects it.
        after: Mark,
    },
    /// The factors of `symbol|time` are there.
    Filled {
        /// Key.
        key: String,
        /// Record that brings them.
        after: Mark,
    },
    /// The factors of each `symbol|time` were written anew.
    Revised {
        /// Keys.
        keys: Vec<String>,
        /// Record that changes them.
        after: Mark,
    },
    /// The factors of `symbol|time` are gone.
    Emptied {
        /// Key.
        key: String,
        /// Record that deletes them.
        after: Mark,
    },
    /// The factors of `symbol|time` were written once and never again, although the record was
    /// sent. Other than `Untouched` this does not depend on how fast the outputs are read back.
    WrittenOnce {
        /// Key.
        key: String,
        /// The record.
        mark: Mark,
        /// What this shows, for people.
        says: &'static str,
    },
    /// Nothing was written about `symbol|time` any more.
    Untouched {
        /// Key.
        key: String,
        /// Since this record was sent.
        after: Mark,
    },
    /// The alert fired.
    Fired {
        /// Name.
        alert: &'static str,
        /// What it is about.
        after: Mark,
    },
    /// The alert ended, for this reason.
    Ended {
        /// Name.
        alert: &'static str,
        /// `resolved` or `retracted`.
        reason: &'static str,
        /// What it is about.
        after: Mark,
    },
}

/// Puts all faults into the script.
pub(super) fn add_all(draft: &mut Draft<'_>) -> anyhow::Result<()> {
    unreadable(draft)?;
    duplicate(draft)?;
    negative_price(draft)?;
    tenfold_price(draft)?;
    late_bars(draft)?;
    correction(draft)?;
    deletion(draft)?;
    high_below_low(draft)?;
    silence(draft)?;
    dirty_feed(draft)
}

fn unreadable(draft: &mut Draft<'_>) -> anyhow::Result<()> {
    let bar = draft.bar(6, "AAPL")?;
    let mut cut = bar.json()?;
    cut.truncate(cut.len() / 2);
    let fault =
        draft.fault("broken JSON", format!("{} {}, cut off in the middle", bar.symbol, bar.time));
    let mark = draft.also(fault, (6, 0.5), &bar, Some(cut), Fate::Unreadable);
    draft.expect(fault, Expect::DeadLetter { mark, reason: "malformed" });

    let bar = draft.bar(12, "MSFT")?;
    let mut value = serde_json::to_value(&bar)?;
    value["close"] = "n/a".into();
    let subject = format!("{} {}, close is \"n/a\"", bar.symbol, bar.time);
    let fault = draft.fault("wrong type", subject);
    let text = Some(serde_json::to_vec(&value)?);
    let mark = draft.also(fault, (12, 0.5), &bar, text, Fate::Unreadable);
    draft.expect(fault, Expect::DeadLetter { mark, reason: "wrong_type" });

    let bar = draft.bar(80, "IBM")?;
    let mut value = serde_json::to_value(&bar)?;
    value.as_object_mut().and_then(|fields| fields.shift_remove("close"));
    let fault = draft.fault("missing field", format!("{} {}, no close", bar.symbol, bar.time));
    let text = Some(serde_json::to_vec(&value)?);
    let mark = draft.also(fault, (80, 0.5), &bar, text, Fate::Unreadable);
    draft.expect(fault, Expect::DeadLetter { mark, reason: "missing_field" });
    Ok(())
}

fn duplicate(draft: &mut Draft<'_>) -> anyhow::Result<()> {
    let bar = draft.bar(9, "AMZN")?;
    let fault = draft.fault("duplicate", format!("{} {}, sent again", bar.symbol, bar.time));
    let text = Some(bar.json()?);
    let mark = draft.also(fault, (11, 0.5), &bar, text, Fate::Passes);
    let key = draft.key(&bar)?;
    let says = "superseded, no output changed";
    draft.expect(fault, Expect::WrittenOnce { key, mark, says });
    Ok(())
}

fn negative_price(draft: &mut Draft<'_>) -> anyhow::Result<()> {
    let good = draft.bar(14, "NVDA")?;
    let bad = Bar { low: -good.low, ..good.clone() };
    let subject = format!("{} {}, low = {}", good.symbol, good.time, bad.low);
    let fault = draft.fault("negative price", subject);
    let mark = draft.instead(fault, 14, &bad, Fate::Fails)?;
    let after = draft.also(fault, draft.repair(14), &good, Some(good.json()?), Fate::Passes);
    let key = draft.key(&good)?;
    let finding = format!("positive|{key}");
    draft.expect(fault, Expect::Quarantined { mark, reason: "positive" });
    draft.expect(fault, Expect::Found { key: finding.clone() });
    draft.expect(fault, Expect::Released { key: key.clone(), after });
    draft.expect(fault, Expect::Withdrawn { key: finding, after });
    draft.expect(fault, Expect::Filled { key, after });
    Ok(())
}

fn tenfold_price(draft: &mut Draft<'_>) -> anyhow::Result<()> {
    let good = draft.bar(30, "NFLX")?;
    let bad = Bar { high: good.high * 10.0, close: good.close * 10.0, ..good.clone() };
    let subject = format!("{} {}, close = {:.2}", good.symbol, good.time, bad.close);
    let fault = draft.fault("10x price", subject);
    draft.instead(fault, 30, &bad, Fate::Passes)?;
    let after = draft.also(fault, draft.repair(30), &good, Some(good.json()?), Fate::Passes);
    // The jump up is one finding, the jump back on the next day another.
    let keys = [draft.key(&good)?, draft.key(&draft.bar(31, "NFLX")?)?];
    for key in &keys {
        draft.expect(fault, Expect::Found { key: format!("return_jump|{key}") });
    }
    for key in &keys {
        draft.expect(fault, Expect::Withdrawn { key: format!("return_jump|{key}"), after });
    }
    draft.expect(fault, Expect::Revised { keys: keys.to_vec(), after });
    Ok(())
}

fn late_bars(draft: &mut Draft<'_>) -> anyhow::Result<()> {
    let bar = draft.bar(45, "TSLA")?;
    let (days, _) = draft.repair(0);
    let fault = draft.fault("late bar", format!("{} {}, {days} days late", bar.symbol, bar.time));
    draft.withhold(45, &bar);
    let after = draft.also(fault, draft.repair(45), &bar, Some(bar.json()?), Fate::Passes);
    let key = draft.key(&bar)?;
    let next = draft.key(&draft.bar(46, "TSLA")?)?;
    draft.expect(fault, Expect::Filled { key, after });
    draft.expect(fault, Expect::Revised { keys: vec![next], after });

    let bar = draft.bar(52, "INTC")?;
    let subject = format!("{} {}, 24 days late", bar.symbol, bar.time);
    let fault = draft.fault("bar far too late", subject);
    draft.withhold(52, &bar);
    let mark = draft.also(fault, (76, 1.0), &bar, Some(bar.json()?), Fate::Late);
    let key = draft.key(&draft.bar(53, "INTC")?)?;
    draft.expect(fault, Expect::Quarantined { mark, reason: "late" });
    draft.expect(fault, Expect::Untouched { key, after: mark });
    Ok(())
}

fn correction(draft: &mut Draft<'_>) -> anyhow::Result<()> {
    let bar = draft.bar(60, "JPM")?;
    let close = ((bar.low + bar.high) * 50.0).round() / 100.0;
    let corrected = Bar { close, ..bar.clone() };
    let subject = format!("{} {}, close is {close}, not {}", bar.symbol, bar.time, bar.close);
    let fault = draft.fault("correction", subject);
    let after = draft.also(fault, draft.repair(60), &bar, Some(corrected.json()?), Fate::Passes);
    let [before, at, later] = [59, 60, 62].map(|day| draft.bar(day, "JPM"));
    let keys = vec![draft.key(&at?)?, draft.key(&later?)?];
    draft.expect(fault, Expect::Revised { keys, after });
    let key = draft.key(&before?)?;
    let says = "earlier factors untouched";
    draft.expect(fault, Expect::WrittenOnce { key, mark: after, says });
    Ok(())
}

fn deletion(draft: &mut Draft<'_>) -> anyhow::Result<()> {
    let bar = draft.bar(78, "BA")?;
    let (days, _) = draft.repair(0);
    let fault = draft.fault("deletion", format!("{} {}, {days} days later", bar.symbol, bar.time));
    let after = draft.also(fault, draft.repair(78), &bar, None, Fate::Passes);
    let key = draft.key(&bar)?;
    let next = draft.key(&draft.bar(79, "BA")?)?;
    draft.expect(fault, Expect::Emptied { key, after });
    draft.expect(fault, Expect::Revised { keys: vec![next], after });
    Ok(())
}

fn high_below_low(draft: &mut Draft<'_>) -> anyhow::Result<()> {
    let good = draft.bar(83, "GE")?;
    let bad = Bar { high: good.low, low: good.high, ..good.clone() };
    let fault = draft.fault("high below low", format!("{} {}", good.symbol, good.time));
    let mark = draft.instead(fault, 83, &bad, Fate::Fails)?;
    let key = format!("ohlc_order|{}", draft.key(&good)?);
    draft.expect(fault, Expect::Quarantined { mark, reason: "ohlc_order" });
    draft.expect(fault, Expect::Found { key });
    Ok(())
}

fn silence(draft: &mut Draft<'_>) -> anyhow::Result<()> {
    let fault = draft.fault("silent minute", draft.silence_text());
    let after = draft.silence(fault, 87);
    draft.expect(fault, Expect::Fired { alert: "feed_silent", after });
    draft.expect(fault, Expect::Ended { alert: "feed_silent", reason: "resolved", after });
    Ok(())
}

fn dirty_feed(draft: &mut Draft<'_>) -> anyhow::Result<()> {
    let symbols = ["CAT", "COST", "CSCO", "CVX", "DIS", "KO", "PFE"];
    let mut good = Vec::new();
    for symbol in symbols {
        good.push(draft.bar(97, symbol)?);
    }
    let day = good.first().map(|bar| bar.time.clone()).unwrap_or_default();
    let subject = format!("{} bars of {day}, corrected", good.len());
    let fault = draft.fault("burst of bad bars", subject);
    let mut first = None;
    for bar in &good {
        let bad = Bar { high: bar.low, low: bar.high, ..bar.clone() };
        let mark = draft.instead(fault, 97, &bad, Fate::Fails)?;
        first = first.or(Some(mark));
        draft.expect(fault, Expect::Quarantined { mark, reason: "ohlc_order" });
    }
    for bar in &good {
        let key = format!("ohlc_order|{}", draft.key(bar)?);
        draft.expect(fault, Expect::Found { key });
    }
    let after = first.unwrap_or_default();
    draft.expect(fault, Expect::Fired { alert: "dirty_feed", after });
    for bar in &good {
        let after = draft.also(fault, draft.repair(97), bar, Some(bar.json()?), Fate::Passes);
        let key = draft.key(bar)?;
        draft.expect(fault, Expect::Released { key: key.clone(), after });
        draft.expect(fault, Expect::Withdrawn { key: format!("ohlc_order|{key}"), after });
        draft.expect(fault, Expect::Filled { key, after });
    }
    draft.expect(fault, Expect::Ended { alert: "dirty_feed", reason: "retracted", after });
    Ok(())
}
