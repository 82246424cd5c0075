//! What the command line says about factor sets: which factors, other parameters, other fields.

use crate::plan::{FactorSet, suggestion};

/// Reads `NAME=VALUE`.
pub(super) fn parameter(text: &str) -> Result<(String, f64), String> {
    let form = || "write NAME=VALUE, as in n=20".to_owned();
    let (name, value) = text.split_once('=').ok_or_else(form)?;
    match value.trim().parse::<f64>() {
        Ok(value) if value.is_finite() => Ok((name.trim().to_owned(), value)),
        _ => Err(format!("`{}` is not a number", value.trim())),
    }
}

/// Gives parameters other values, in every set that has them; each must be in one of them.
pub(super) fn set_parameters(
    sets: &mut [FactorSet],
    given: &[(String, f64)],
) -> Result<(), String> {
    for (name, value) in given {
        let mut known = false;
        for set in &mut *sets {
            known |= set.set_parameter(name, *value).is_ok();
        }
        if !known {
            let names: Vec<&str> = sets
                .iter()
                .flat_map(FactorSet::parameters)
                .map(|(name, _)| name.as_str())
                .collect();
            let near = suggestion(name, "parameters", &names);
            let near = near.map_or(String::new(), |near| format!("; {near}"));
            return Err(format!("--parameter: no set has a parameter `{name}`{near}"));
        }
    }
    Ok(())
}

/// Two names around an equals sign.
pub(super) fn rename(text: &str) -> Result<(String, String), String> {
    match text.split_once('=').map(|(from, to)| (from.trim(), to.trim())) {
        Some((from, to)) if !from.is_empty() && !to.is_empty() => {
            Ok((from.to_owned(), to.to_owned()))
        }
        _ => Err("write it like close=adj_close".to_owned()),
    }
}

/// Renames fields in every set that reads them; one must.
pub(super) fn rename_fields(
    sets: &mut [FactorSet],
    given: &[(String, String)],
) -> Result<(), String> {
    for (from, to) in given {
        let results: Vec<_> = sets.iter_mut().map(|set| set.rename(from, to)).collect();
        if results.iter().all(Result::is_err) {
            let first = results.into_iter().find_map(Result::err);
            let first = first.unwrap_or_else(|| "it is for sets, and there is none".to_owned());
            return Err(format!("--rename: {first}"));
        }
    }
    Ok(())
}

/// Takes factors out of the first `named` sets; each name must be in one of them.
pub(super) fn choose(
    sets: &mut [FactorSet],
    named: usize,
    only: &[String],
    except: &[String],
) -> Result<(), String> {
    if only.is_empty() && except.is_empty() {
        return Ok(());
    }
    let sets = sets.get_mut(..named).unwrap_or_default();
    for name in only.iter().chain(except) {
        if !sets.iter().any(|set| set.names().any(|known| known == name)) {
            return Err(format!("--only and --except: no set has a factor `{name}`"));
        }
    }
    for set in sets {
        let own = |names: &[String]| -> Vec<String> {
            names.iter().filter(|n| set.names().any(|known| known == *n)).cloned().collect()
        };
        let (mut keep, mut leave) = (own(only), own(except));
        if !only.is_empty() && keep.is_empty() {
            leave = set.names().map(str::to_owned).collect();
            keep.clear();
        }
        set.keep(&keep, &leave)?;
    }
    Ok(())
}
