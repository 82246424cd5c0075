//! A tree against the names and signatures there are: every name means something, every function
//! has its arguments, constants are constant.

use super::ast::{Expr, ExprId, ExprKind, Tree};
use super::compile::MAX_WINDOW;
use super::error::quoted;
use super::scope::{Scope, describe};
use super::{Family, FormulaError, Parameter, Signature};

/// What an expression of the tree turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Meaning {
    /// Nothing asks for its value: part of a constant argument, or of a number with its minus.
    Unused,
    Constant(f64),
    Field(usize),
    /// The derived series `returns`.
    Returns,
    Call {
        function: &'static Signature,
        /// Series arguments, as expressions of the tree; all arguments of elementwise functions.
        args: Vec<ExprId>,
        /// Constant arguments of other functions, windows rounded.
        params: Vec<f64>,
    },
}

/// The meanings of all expressions of formula number `factor`, or everything that is wrong.
pub(super) fn check(
    tree: &Tree<'_>,
    factor: usize,
    scope: Scope<'_>,
) -> Result<Vec<Meaning>, Vec<FormulaError>> {
    let count = tree.exprs.len();
    let mut checker = Checker {
        tree,
        factor,
        scope,
        constants: constants(tree),
        literals: literals(tree),
        wanted: vec![false; count],
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
    let mut errors = checker.errors;
    errors.sort_by_key(|error| (error.start, error.end));
    if errors.is_empty() { Ok(meanings) } else { Err(errors) }
}

/// Values of the expressions that are built from numbers with `+ - * /` only.
fn constants(tree: &Tree<'_>) -> Vec<Option<f64>> {
    let mut values: Vec<Option<f64>> = Vec::with_capacity(tree.exprs.len());
    for expr in &tree.exprs {
        values.push(match &expr.kind {
            ExprKind::Number(value) => Some(*value),
            ExprKind::Name(_) => None,
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

/// Values of the numbers, with a minus before them or without.
fn literals(tree: &Tree<'_>) -> Vec<Option<f64>> {
    let mut values: Vec<Option<f64>> = Vec::with_capacity(tree.exprs.len());
    for expr in &tree.exprs {
        values.push(match &expr.kind {
            ExprKind::Number(value) => Some(*value),
            ExprKind::Call { function: "neg", args } => match args.as_slice() {
                [x] => values[*x].map(|x| -x),
                _ => None,
            },
            _ => None,
        });
    }
    values
}

struct Checker<'a> {
    tree: &'a Tree<'a>,
    factor: usize,
    scope: Scope<'a>,
    constants: Vec<Option<f64>>,
    /// Values of the expressions that become one number.
    literals: Vec<Option<f64>>,
    /// Expressions whose value for every symbol and time something asks for.
    wanted: Vec<bool>,
    errors: Vec<FormulaError>,
}

impl Checker<'_> {
    /// The meaning of a wanted expression; marks what it wants in turn. None after an error.
    fn meaning(&mut self, id: ExprId) -> Option<Meaning> {
        if let Some(value) = self.literals[id] {
            return Some(Meaning::Constant(value));
        }
        let tree = self.tree;
        let expr = &tree.exprs[id];
        match &expr.kind {
            ExprKind::Number(value) => Some(Meaning::Constant(*value)),
            ExprKind::Name(name) => match self.scope.field(name) {
                Some(field) => Some(Meaning::Field(field)),
                None if *name == "nan" => Some(Meaning::Constant(f64::NAN)),
                None if *name == "returns" && self.has_returns() => Some(Meaning::Returns),
                None => {
                    let error = self.scope.no_such_field(self.factor, name, expr.head);
                    self.errors.push(error);
                    None
                }
            },
            ExprKind::Call { function, args } => match self.scope.function(function) {
                Some(signature) => self.call(expr, signature, args),
                None => {
                    self.errors.push(self.scope.no_such_function(function, expr.head));
                    self.want(args);
                    None
                }
            },
        }
    }

    fn has_returns(&self) -> bool {
        self.scope.field("close").is_some()
            && ["delay", "/", "-"].iter().all(|name| self.scope.function(name).is_some())
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
        if args.len() != parameters.len() {
            let plural = if parameters.len() == 1 { "" } else { "s" };
            let message = format!(
                "{} takes {} argument{plural}, not {}",
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
        for (parameter, id) in parameters.iter().zip(args) {
            if let Parameter::Series(_) = parameter {
                self.wanted[*id] = true;
                series.push(*id);
                continue;
            }
            match constant(*parameter, self.constants[*id]) {
                // Elementwise kernels read rows only; a row of one number is one.
                Ok(value) if function.family == Family::Elementwise => {
                    self.literals[*id] = Some(value);
                    self.wanted[*id] = true;
                    series.push(*id);
                }
                Ok(value) => params.push(value),
                Err(message) => {
                    let message = format!("{} {message}", whose(*parameter, function));
                    let error = FormulaError::at(self.tree.exprs[*id].place, message);
                    self.errors.push(error.help(describe(function)));
                    good = false;
                }
            }
        }
        good.then_some(Meaning::Call { function, args: series, params })
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
