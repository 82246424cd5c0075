//! A tree against the names and signatures there are: every name means something, every function
//! has its arguments, constants are constant.

use super::ast::{Expr, ExprId, ExprKind, Tree};
use super::compile::{MAX_SERIES, MAX_WINDOW};
use super::error::quoted;
use super::scope::{Derived, Scope, describe};
use super::{Family, FormulaError, Parameter, Signature};

/// What an expression of the tree turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Meaning {
    /// Nothing asks for its value: part of a constant argument, or of a number with its minus.
    Unused,
    Constant(f64),
    Field(usize),
    /// A derived series.
    Derived(Derived),
    /// A sub-formula of the set, by its number.
    Let(usize),
    /// Mean volume over so many bars.
    Adv(f64),
    Call {
        function: &'static Signature,
        /// Series arguments, as expressions of the tree; all arguments of elementwise functions.
        args: Vec<ExprId>,
        /// Constant arguments of other functions, windows rounded.
        params: Vec<f64>,
    },
}

/// A formula that is in order.
#[derive(Debug)]
pub(super) struct Checked {
    /// What each expression of the tree is.
    pub(super) meanings: Vec<Meaning>,
    /// The formula's value, if it is made from numbers only.
    pub(super) value: Option<f64>,
}

/// The meanings of all expressions of formula number `factor`, or everything that is wrong.
pub(super) fn check(
    tree: &Tree<'_>,
    factor: usize,
    scope: Scope<'_>,
) -> Result<Checked, Vec<FormulaError>> {
    let count = tree.exprs.len();
    let mut checker = Checker {
        tree,
        factor,
        scope,
        constants: constants(tree, scope),
        literals: literals(tree, scope),
        wanted: vec![false; count],
        argument: vec![None; count],
        errors: Vec::new(),
    };
    if let Some(root) = checker.wanted.last_mut() {
        *root = true;
    }
    let mut meanings = vec![Meaning::Unused; count];
    // From the whole formula down: what uses an expression comes after it.
    for id in (0..count).rev() {
        if checker.wanted[id]
            && let Some(meaning) = checker.meaning(id)
        {
            meanings[id] = meaning;
        }
    }
    let value = checker.constants.last().copied().flatten();
    let mut errors = checker.errors;
    errors.sort_by_key(|error| (error.start, error.end));
    if errors.is_empty() { Ok(Checked { meanings, value }) } else { Err(errors) }
}

/// Values of the expressions that are built from numbers, parameters and sub-formulas of such with
/// `+ - * /` only.
fn constants(tree: &Tree<'_>, scope: Scope<'_>) -> Vec<Option<f64>> {
    let mut values: Vec<Option<f64>> = Vec::with_capacity(tree.exprs.len());
    for expr in &tree.exprs {
        values.push(match &expr.kind {
            ExprKind::Number(value) => Some(*value),
            ExprKind::Name(name) => scope.value(name),
            ExprKind::Call { function, args } => match (*function, args.as_slice()) {
                ("neg", [x]) => values[*x].map(|x| -x),
                (sign, [x, y]) => match (sign, values[*x], values[*y]) {
                    ("+", Some(x), Some(y)) => Some(x + y),
                    ("-", Some(x), Some(y)) => Some(x - y),
                    ("*", Some(x), Some(y)) => Some(x * y),
                    ("/", Some(x), Some(y)) => Some(x / y),
                    _ => None,
                },
                _ => None,
            },
        });
    }
    values
}

/// Values of the numbers and parameters, with a minus before them or without.
fn literals(tree: &Tree<'_>, scope: Scope<'_>) -> Vec<Option<f64>> {
    let mut values: Vec<Option<f64>> = Vec::with_capacity(tree.exprs.len());
    for expr in &tree.exprs {
        values.push(match &expr.kind {
            ExprKind::Number(value) => Some(*value),
            ExprKind::Call { function: "neg", args } => match args.as_slice() {
                [x] => values[*x].map(|x| -x),
                _ => None,
            },
            ExprKind::Name(name) if scope.sub_formula(name).is_none() => scope.parameter(name),
            _ => None,
        });
    }
    values
}

/// What text fields are for, where they stand as numbers.
const GROUPS_ONLY: &str = "text can only be the group of a function like group_mean(x, group)";

struct Checker<'a> {
    tree: &'a Tree<'a>,
    factor: usize,
    scope: Scope<'a>,
    constants: Vec<Option<f64>>,
    /// Values of the expressions that become one number.
    literals: Vec<Option<f64>>,
    /// Expressions whose value for every symbol and time something asks for.
    wanted: Vec<bool>,
    /// The series argument that an expression is, of which function.
    argument: Vec<Option<(&'static Signature, Parameter)>>,
    errors: Vec<FormulaError>,
}

impl Checker<'_> {
    /// The meaning of a wanted expression; marks what it wants in turn. None after an error.
    fn meaning(&mut self, id: ExprId) -> Option<Meaning> {
        if let Some((function, group @ Parameter::Group(_))) = self.argument[id] {
            return self.group_field(id, function, group);
        }
        if let Some(value) = self.literals[id] {
            return Some(Meaning::Constant(value));
        }
        let tree = self.tree;
        let expr = &tree.exprs[id];
        match &expr.kind {
            ExprKind::Number(value) => Some(Meaning::Constant(*value)),
            ExprKind::Name(name) if self.scope.sub_formula(name).is_some() => {
                self.scope.sub_formula(name).map(Meaning::Let)
            }
            ExprKind::Name(name) => match self.scope.field(name) {
                Some(field) if self.scope.is_group(field) => {
                    let message = format!("{} is text, not numbers", quoted(name));
                    let help = match self.argument[id] {
                        Some((function, _)) => format!("{GROUPS_ONLY}; {}", describe(function)),
                        None => GROUPS_ONLY.to_owned(),
                    };
                    self.errors.push(FormulaError::at(expr.place, message).help(help));
                    None
                }
                Some(field) => Some(Meaning::Field(field)),
                None => self.no_field(name, expr),
            },
            ExprKind::Call { function, args } => match self.scope.function(function) {
                Some(signature) => self.call(expr, signature, args),
                None if *function == "adv" && args.len() == 1 && self.has_adv() => {
                    let good = self.are_numbers("adv(n)", &["volume"], expr);
                    self.adv(args[0]).filter(|_| good)
                }
                None => {
                    self.errors.push(self.scope.no_such_function(function, expr.head));
                    self.want(args);
                    None
                }
            },
        }
    }

    /// The meaning of an expression that must be the field of a group: of text, or of numbers that
    /// stand for groups.
    fn group_field(
        &mut self,
        id: ExprId,
        function: &'static Signature,
        group: Parameter,
    ) -> Option<Meaning> {
        let tree = self.tree;
        let expr = &tree.exprs[id];
        let error = match &expr.kind {
            ExprKind::Name(name) => match self.scope.field(name) {
                Some(field) => return Some(Meaning::Field(field)),
                None if self.scope.is_known(name) => None,
                None => Some(self.scope.no_such_field(self.factor, name, expr.head)),
            },
            _ => None,
        };
        let message = format!("{} must be a field, like sector", whose(group, function));
        let not_field = || FormulaError::at(expr.place, message).help(describe(function));
        self.errors.push(error.unwrap_or_else(not_field));
        None
    }

    /// Whether the fields that a series is made from hold numbers; reports the first that does not.
    fn are_numbers(&mut self, series: &str, fields: &[&str], expr: &Expr<'_>) -> bool {
        let is_text =
            |name: &&&str| self.scope.field(name).is_some_and(|field| self.scope.is_group(field));
        let Some(text) = fields.iter().find(is_text) else { return true };
        let (series, text) = (quoted(series), quoted(text));
        let message = format!("{series} is made from {text}, which is text, not numbers");
        self.errors.push(FormulaError::at(expr.place, message).help(GROUPS_ONLY));
        false
    }

    /// The meaning of a name that is neither a sub-formula nor a field.
    fn no_field(&mut self, name: &str, expr: &Expr<'_>) -> Option<Meaning> {
        if name == "nan" {
            return Some(Meaning::Constant(f64::NAN));
        }
        if let Some((derived, fields)) = self.scope.derived(name) {
            return self.are_numbers(name, fields, expr).then_some(Meaning::Derived(derived));
        }
        self.errors.push(self.scope.no_such_field(self.factor, name, expr.head));
        None
    }

    fn has_adv(&self) -> bool {
        self.scope.field("volume").is_some() && self.scope.function("ts_mean").is_some()
    }

    fn adv(&mut self, arg: ExprId) -> Option<Meaning> {
        match self.constant(Parameter::Window("n", 1), arg) {
            Ok(bars) => Some(Meaning::Adv(bars)),
            Err(message) => {
                let message = format!("window `n` of `adv` {message}");
                let place = self.tree.exprs[arg].place;
                let help = "adv(n): mean of the volume over n bars";
                self.errors.push(FormulaError::at(place, message).help(help));
                None
            }
        }
    }

    fn want(&mut self, ids: &[ExprId]) {
        for id in ids {
            self.wanted[*id] = true;
        }
    }

    fn call(
        &mut self,
        expr: &Expr<'_>,
        function: &'static Signature,
        args: &[ExprId],
    ) -> Option<Meaning> {
        let parameters = function.parameters;
        if args.len() != function.arity(args.len()) {
            let plural = if parameters.len() == 1 { "" } else { "s" };
            let least =
                if function.arity(usize::MAX) > parameters.len() { "at least " } else { "" };
            let message = format!(
                "{} takes {least}{} argument{plural}, not {}",
                quoted(function.name),
                parameters.len(),
                args.len()
            );
            self.errors.push(FormulaError::at(expr.place, message).help(describe(function)));
            self.want(args);
            return None;
        }
        let (mut series, mut params) = (Vec::new(), Vec::new());
        let mut good = true;
        for (parameter, id) in function.spread(args.len()).zip(args) {
            if parameter.is_series() {
                self.wanted[*id] = true;
                self.argument[*id] = Some((function, parameter));
                series.push(*id);
                continue;
            }
            match self.constant(parameter, *id) {
                // Elementwise kernels read rows only; a row of one number is one.
                Ok(value) if function.family == Family::Elementwise => {
                    self.literals[*id] = Some(value);
                    self.wanted[*id] = true;
                    series.push(*id);
                }
                Ok(value) => params.push(value),
                Err(message) => {
                    let message = format!("{} {message}", whose(parameter, function));
                    let error = FormulaError::at(self.tree.exprs[*id].place, message);
                    self.errors.push(error.help(describe(function)));
                    good = false;
                }
            }
        }
        if series.len() > MAX_SERIES {
            let message = format!("{} takes at most {MAX_SERIES} series", quoted(function.name));
            self.errors.push(FormulaError::at(expr.place, message).help(describe(function)));
            good = false;
        }
        good.then_some(Meaning::Call { function, args: series, params })
    }

    /// The value of a constant argument, or what is wrong with it and where it comes from.
    fn constant(&self, parameter: Parameter, id: ExprId) -> Result<f64, String> {
        let value = self.constants[id];
        let floor = self.scope.rules.floor_windows;
        let cut = matches!(parameter, Parameter::Window(..)) && floor;
        let result = constant(parameter, if cut { value.map(f64::floor) } else { value });
        let origin = || value.map_or(String::new(), |_| self.origin(id));
        result.map_err(|message| message + &origin())
    }

    /// The values of the names in an expression: `, where n = -3`; empty if there are none.
    fn origin(&self, id: ExprId) -> String {
        let place = self.tree.exprs[id].place;
        let mut known = Vec::new();
        for expr in &self.tree.exprs[..=id] {
            if let ExprKind::Name(name) = expr.kind
                && place.start <= expr.place.start
                && let Some(value) = self.scope.value(name)
            {
                let text = format!("{name} = {value}");
                if !known.contains(&text) {
                    known.push(text);
                }
            }
        }
        if known.is_empty() { String::new() } else { format!(", where {}", known.join(", ")) }
    }
}

/// The value of a constant argument, windows rounded half up; or what is wrong with it.
fn constant(parameter: Parameter, value: Option<f64>) -> Result<f64, String> {
    let Some(value) = value else {
        return Err("must be a constant number, known before anything runs".to_owned());
    };
    if !value.is_finite() {
        return Err(format!("is {value}, not a finite number"));
    }
    if matches!(parameter, Parameter::Fraction(_)) && !(0.0..=1.0).contains(&value) {
        return Err(format!("is {value}, must be between 0 and 1"));
    }
    let Parameter::Window(_, least) = parameter else { return Ok(value) };
    let bars = round_half_up(value);
    if bars < f64::from(least) {
        let future = if bars < 0.0 { "; a negative one would read the future" } else { "" };
        return Err(format!("is {value}, must be at least {least}{future}"));
    }
    if bars > f64::from(MAX_WINDOW) {
        return Err(format!("is {value}, must be at most {MAX_WINDOW}"));
    }
    Ok(bars)
}

/// The nearest whole number, the larger of two equally near.
fn round_half_up(value: f64) -> f64 {
    let floor = value.floor();
    // Not floor(value + 0.5): that sum rounds, and 0.49999999999999994 would become 1. Adding 0
    // turns a negative zero into a positive one.
    if value - floor >= 0.5 { floor + 1.0 } else { floor + 0.0 }
}

fn whose(parameter: Parameter, function: &Signature) -> String {
    let kind = if matches!(parameter, Parameter::Window(..)) { "window" } else { "argument" };
    format!("{kind} {} of {}", quoted(parameter.name()), quoted(function.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_round_half_up() {
        for (value, bars) in
            [(2.4, 2.0), (2.5, 3.0), (3.5, 4.0), (0.499_999_999_999_999_94, 0.0), (-0.5, 0.0)]
        {
            assert_eq!(round_half_up(value), bars, "{value}");
        }
        assert!(round_half_up(-0.0).is_sign_positive());
    }

    #[test]
    fn windows_have_bounds() {
        let window = |value: f64| constant(Parameter::Window("n", 1), Some(value));
        assert_eq!(window(0.5), Ok(1.0));
        assert_eq!(window(1_000_000.4), Ok(1_000_000.0));
        for bad in [0.4, -3.0, 1_000_000.5, 1e300, f64::NAN, f64::INFINITY] {
            assert!(window(bad).is_err(), "{bad}");
        }
    }
}
