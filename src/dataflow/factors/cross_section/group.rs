//! The row within groups of symbols: those with the same value of a group field at that time.

#[cfg(test)]
use super::Twin;
use super::{Exactness, How, Kernel, Level, Member, Parameter, Scratch, Signature, with};

const XG: &[Parameter] = &[Parameter::Series("x"), Parameter::Group("group")];

/// `group_mean(x, group)`.
pub(super) static MEAN: Member = Member {
    signature: with(
        "group_mean",
        XG,
        Exactness::Never,
        "mean of x over the symbols of the same group at that time",
    )
    .explained(super::Reference {
        formula: "mean of x over the symbols with the same group",
        missing: "missing without a group; missing x do not count",
        source: "WorldQuant operators: group_mean, without weights",
        cost: super::Cost::Row,
        example: "close / group_mean(close, sector)",
    }),
    kernel: Kernel::CrossSection(|_, args, _, scratch, out| {
        means(args, scratch);
        for (s, out) in out.iter_mut().enumerate() {
            *out = scratch.groups.sum_of(s);
        }
    }),
    #[cfg(test)]
    twin: Twin::Row(|rows, _| {
        let mean = |group: &[f64]| total(group) / count(group);
        by_group(rows, |group| vec![mean(group); group.len()])
    }),
};

/// `group_neutralize(x, group)`: `x - group_mean(x, group)`.
pub(super) static NEUTRALIZE: Member = Member {
    signature: with(
        "group_neutralize",
        XG,
        Exactness::Never,
        "x minus the mean of x over the symbols of the same group at that time",
    )
    .explained(super::Reference {
        formula: "x - group_mean(x, group)",
        missing: "missing where x or the group is; missing x do not count",
        source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1 (IndNeutralize)",
        cost: super::Cost::Row,
        example: "group_neutralize(delta(close, 5), industry)",
    }),
    kernel: Kernel::CrossSection(|_, args, _, scratch, out| {
        means(args, scratch);
        let x = super::first(args);
        for (s, (out, x)) in out.iter_mut().zip(x).enumerate() {
            *out = x - scratch.groups.sum_of(s);
        }
    }),
    #[cfg(test)]
    twin: Twin::Row(|rows, _| {
        by_group(rows, |group| {
            let mean = total(group) / count(group);
            group.iter().map(|x| x - mean).collect()
        })
    }),
};

/// `group_zscore(x, group)`: missing where the values of the group are equal.
pub(super) static ZSCORE: Member = Member {
    signature: with(
        "group_zscore",
        XG,
        Exactness::Never,
        "(x - mean) / standard deviation (ddof 0) over the symbols of the same group at that time; \
         missing where they are equal",
    )
    .explained(super::Reference {
        formula: "(x - mean) / sqrt(sum of (x - mean)^2 / number of values), of the group",
        missing: "missing where x or the group is; missing x do not count; missing when the \
                  values of the group are equal",
        source: "WorldQuant operators: group_zscore",
        cost: super::Cost::Row,
        example: "group_zscore(close / delay(close, 5) - 1, sector)",
    }),
    kernel: Kernel::CrossSection(|_, args, _, scratch, out| zscore(args, scratch, out)),
    #[cfg(test)]
    twin: Twin::Row(|rows, _| {
        by_group(rows, |group| {
            let n = count(group);
            let mean = total(group) / n;
            let squares: Vec<f64> = group.iter().map(|x| (x - mean) * (x - mean)).collect();
            let deviation = (total(&squares) / n).sqrt();
            let known: Vec<f64> = group.iter().copied().filter(|x| !x.is_nan()).collect();
            let equal = known.iter().all(|x| *x == known[0]);
            let one = |x: &f64| if equal { f64::NAN } else { (x - mean) / deviation };
            group.iter().map(one).collect()
        })
    }),
};

/// `group_rank(x, group)`: as `rank`, within the group; the tie grid is that of the group.
pub(super) static RANK: Member = Member {
    signature: Signature {
        reference: super::Reference {
            formula: "((number of values < x) + ((number of values = x) + 1) / 2) / number of \
                      values, of the group",
            missing: "missing where x or the group is; infinite values are ordered",
            source: "WorldQuant operators: group_rank, ranks as those of `rank`",
            cost: super::Cost::SortedRow,
            example: "group_rank(-delta(close, 3), sector)",
        },
        compares: true,
        ..with(
            "group_rank",
            XG,
            Exactness::Always,
            "rank of x over the symbols of the same group at that time, divided by the number of \
             values; ties averaged",
        )
    },
    kernel: Kernel::CrossSection(rank),
    #[cfg(test)]
    twin: Twin::Row(|rows, how| by_group(rows, |group| super::rank::twin(group, how.inexact))),
};

fn means(args: &[&[f64]], scratch: &mut Scratch) {
    if let [x, keys] = args {
        scratch.groups.find(keys);
        scratch.groups.add_up(x);
        scratch.groups.make_means();
    }
}

fn zscore(args: &[&[f64]], scratch: &mut Scratch, out: &mut [f64]) {
    let [x, _] = args else { return };
    means(args, scratch);
    let Scratch { row, groups, .. } = scratch;
    // The rounded mean of equal values may differ from them, so equality is looked at first.
    let mut smallest = vec![f64::INFINITY; groups.count() + 1];
    let mut largest = vec![f64::NEG_INFINITY; groups.count() + 1];
    for (v, group) in x.iter().zip(groups.of()) {
        let group = *group as usize;
        smallest[group] = if *v < smallest[group] { *v } else { smallest[group] };
        largest[group] = if *v > largest[group] { *v } else { largest[group] };
    }
    row.clear();
    for (s, (out, v)) in out.iter_mut().zip(*x).enumerate() {
        *out = v - groups.sum_of(s);
        row.push(*out * *out);
    }
    groups.add_up(row);
    groups.make_means();
    for (s, out) in out.iter_mut().enumerate() {
        let group = groups.of()[s] as usize;
        let equal = smallest.get(group) >= largest.get(group);
        *out = if equal { f64::NAN } else { *out / groups.sum_of(s).sqrt() };
    }
}

fn rank(level: Level, args: &[&[f64]], how: How<'_>, scratch: &mut Scratch, out: &mut [f64]) {
    let [x, keys] = args else { return };
    scratch.groups.find(keys);
    let Scratch { rank, row, groups, .. } = scratch;
    out.fill(f64::NAN);
    let mut order: Vec<u32> = (0..x.len() as u32).collect();
    let (of, none) = (groups.of(), groups.count() as u32);
    order.retain(|s| of[*s as usize] != none);
    order.sort_by_key(|s| of[*s as usize]);
    let mut ranks = Vec::new();
    for members in order.chunk_by(|a, b| of[*a as usize] == of[*b as usize]) {
        row.clear();
        row.extend(members.iter().map(|s| x[*s as usize]));
        ranks.resize(row.len(), f64::NAN);
        super::rank::rank(level, row, how.inexact, rank, &mut ranks);
        for (s, rank) in members.iter().zip(&ranks) {
            out[*s as usize] = *rank;
        }
    }
}

/// For twins: the sum; missing where something is infinite.
#[cfg(test)]
fn total(x: &[f64]) -> f64 {
    if x.iter().any(|v| v.is_infinite()) { f64::NAN } else { super::twin_sum(x) + 0.0 }
}

/// For twins: how many values are not missing.
#[cfg(test)]
fn count(x: &[f64]) -> f64 {
    x.iter().filter(|v| !v.is_nan()).count() as f64
}

/// For twins: applies `f` to the values of each group; missing without a group.
#[cfg(test)]
fn by_group(rows: &[Vec<f64>], f: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let mut out = vec![f64::NAN; rows[0].len()];
    for key in &rows[1] {
        let members: Vec<usize> = (0..out.len()).filter(|s| rows[1][*s] == *key).collect();
        let values: Vec<f64> = members.iter().map(|s| rows[0][*s]).collect();
        for (s, value) in members.iter().zip(f(&values)) {
            out[*s] = value;
        }
    }
    out
}
