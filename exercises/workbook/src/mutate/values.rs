//! What is done to expressions.

use std::ops::Range;

use syn::punctuated::Punctuated;
use syn::{BinOp, Expr, Lit, Pat, Token, UnOp};

use super::Finder;
use super::places::range as range_of;

/// Values of the types that holes have; the compiler sorts out which fit.
pub(super) const ALL: [&str; 10] = [
    "Ok(())",
    "Ok(Default::default())",
    "Ok(None)",
    "Default::default()",
    "None",
    "Some(Default::default())",
    "true",
    "false",
    "vec![]",
    "return",
];

/// Methods that stand for each other's opposite.
const OPPOSITES: [(&str, &str); 9] = [
    ("any", "all"),
    ("is_some", "is_none"),
    ("is_ok", "is_err"),
    ("is_some_and", "is_none_or"),
    ("first", "last"),
    ("min", "max"),
    ("or", "and"),
    ("take", "skip"),
    ("starts_with", "ends_with"),
];

impl Finder<'_> {
    /// What can be done to one expression; those inside it come later.
    pub(super) fn expression(&mut self, expr: &Expr) {
        let range = range_of(expr);
        match expr {
            Expr::Binary(binary) => self.binary(binary, &range),
            Expr::Unary(unary) if !matches!(unary.op, UnOp::Deref(_)) => {
                self.replace(range, self.source.of(&*unary.expr));
            }
            Expr::Lit(literal) => self.literal(&literal.lit, &range),
            Expr::Path(path) if path.path.segments.len() > 1 => {
                for sibling in self.source.siblings(self.source.of(path)) {
                    self.replace(range.clone(), sibling);
                }
            }
            Expr::If(found) => self.condition(&found.cond),
            Expr::While(found) => {
                self.condition(&found.cond);
                let once = self.source.of(expr).replacen("while", "if", 1);
                self.change(range.clone(), once, format!("once {}", self.source.short(&range)));
            }
            Expr::ForLoop(found) => {
                let list = range_of(&*found.expr);
                for few in ["take(1)", "skip(1)"] {
                    let text = format!("({}).into_iter().{few}", self.source.of(&*found.expr));
                    self.change(list.clone(), text, format!("{few} of {}", self.source.short(&list)));
                }
            }
            Expr::Match(found) => self.arms(found),
            Expr::Return(_) => self.change(range.clone(), "{}", format!("drop {}", self.source.short(&range))),
            Expr::Continue(_) => self.replace(range, "break"),
            Expr::Break(_) => self.replace(range, "continue"),
            Expr::MethodCall(call) => self.method(call, &range),
            Expr::Call(call) => {
                if let [only] = call.args.iter().collect::<Vec<_>>()[..]
                    && self.source.of(&*call.func) == "Some"
                {
                    self.change(range, "None", format!("None for Some({})", self.source.of(only)));
                }
                self.arguments(&call.args, self.source.of(&*call.func), 0);
            }
            Expr::Field(field) => self.field(field, &range),
            _ => {}
        }
    }

    fn binary(&mut self, binary: &syn::ExprBinary, range: &Range<usize>) {
        let others: &[&str] = match binary.op {
            BinOp::Eq(_) => &["!="],
            BinOp::Ne(_) => &["=="],
            BinOp::Lt(_) => &["<=", ">"],
            BinOp::Le(_) => &["<", ">="],
            BinOp::Gt(_) => &[">=", "<"],
            BinOp::Ge(_) => &[">", "<="],
            BinOp::And(_) => &["||"],
            BinOp::Or(_) => &["&&"],
            BinOp::Add(_) | BinOp::Div(_) => &["-"],
            BinOp::Sub(_) | BinOp::Mul(_) => &["+"],
            BinOp::BitAnd(_) | BinOp::BitXor(_) => &["|"],
            BinOp::BitOr(_) => &["&"],
            _ => &[],
        };
        let (left, right) = (self.source.of(&*binary.left), self.source.of(&*binary.right));
        for other in others {
            self.replace(range.clone(), format!("{left} {other} {right}"));
        }
        if matches!(binary.op, BinOp::And(_) | BinOp::Or(_) | BinOp::BitAnd(_) | BinOp::BitOr(_)) {
            self.replace(range.clone(), left);
            self.replace(range.clone(), right);
        }
    }

    fn literal(&mut self, literal: &Lit, range: &Range<usize>) {
        match literal {
            Lit::Bool(value) => self.replace(range.clone(), (!value.value).to_string()),
            Lit::Int(value) => {
                let number: i128 = value.base10_parse().unwrap_or(0);
                for other in [number + 1, number - 1].into_iter().filter(|other| *other >= 0) {
                    self.replace(range.clone(), format!("{other}{}", value.suffix()));
                }
            }
            Lit::Str(_) => self.replace(range.clone(), "\"\""),
            Lit::ByteStr(_) => self.replace(range.clone(), "b\"\""),
            _ => {}
        }
    }

    fn condition(&mut self, condition: &Expr) {
        if !matches!(condition, Expr::Let(_)) {
            let range = range_of(condition);
            for value in ["true", "false"] {
                self.change(range.clone(), value, format!("{value} for {}", self.source.short(&range)));
            }
        }
    }

    fn arms(&mut self, found: &syn::ExprMatch) {
        for arm in &found.arms {
            let range = range_of(arm);
            self.change(range.clone(), "", format!("drop the arm {}", self.source.short(&range)));
            if let Some((start, guard)) = &arm.guard {
                let from = range_of(start).start..range_of(&**guard).end;
                self.change(from.clone(), "", format!("drop the guard {}", self.source.short(&from)));
                self.condition(guard);
            }
            self.pattern(&arm.pat);
        }
    }

    /// Without one of `A | B`, also inside `Err(A | B)`.
    fn pattern(&mut self, pattern: &Pat) {
        match pattern {
            Pat::Or(or) => {
                let cases: Vec<&str> = or.cases.iter().map(|case| self.source.of(case)).collect();
                for left_out in 0..cases.len() {
                    let rest: Vec<&str> = cases
                        .iter()
                        .enumerate()
                        .filter(|(index, _)| *index != left_out)
                        .map(|(_, case)| *case)
                        .collect();
                    let what = format!("drop the case `{}`", cases[left_out]);
                    self.change(range_of(or), rest.join(" | "), what);
                }
                or.cases.iter().for_each(|case| self.pattern(case));
            }
            Pat::TupleStruct(inner) => inner.elems.iter().for_each(|inner| self.pattern(inner)),
            Pat::Tuple(inner) => inner.elems.iter().for_each(|inner| self.pattern(inner)),
            Pat::Path(path) => {
                for sibling in self.source.siblings(self.source.of(path)) {
                    self.replace(range_of(path), sibling);
                }
            }
            _ => {}
        }
    }

    fn method(&mut self, call: &syn::ExprMethodCall, range: &Range<usize>) {
        let method = call.method.to_string();
        let receiver = self.source.of(&*call.receiver);
        if method != "map_err" {
            let rest = &self.source.text[range_of(&*call.receiver).end..range.end];
            self.change(range.clone(), receiver, format!("without {}", super::places::shorten(rest)));
        }
        for (one, other) in OPPOSITES {
            let opposite = if method == one { other } else { one };
            if method == one || method == other {
                self.change(range_of(&call.method), opposite, format!("{method} -> {opposite}"));
            }
        }
        if method != "map_err" {
            self.arguments(&call.args, &method, 0);
        }
    }

    /// Arguments in the wrong order, forgotten, or another's; `from` is the first that counts.
    fn arguments(&mut self, arguments: &Punctuated<Expr, Token![,]>, callee: &str, from: usize) {
        let all: Vec<&Expr> = arguments.iter().skip(from).collect();
        for pair in all.windows(2) {
            let (one, other) = (range_of(pair[0]), range_of(pair[1]));
            let between = &self.source.text[one.end..other.start];
            let swapped = format!("{}{between}{}", self.source.of(pair[1]), self.source.of(pair[0]));
            self.replace(one.start..other.end, swapped);
        }
        for argument in all {
            let range = range_of(argument);
            let text = self.source.of(argument);
            let plain = text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '&');
            if plain && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '&') {
                for forgotten in ["Default::default()", "&[]", "None"] {
                    self.change(range.clone(), forgotten, format!("{forgotten} for `{text}` in {callee}()"));
                }
                for other in self.others(callee, text) {
                    self.change(range.clone(), other.clone(), format!("`{other}` for `{text}` in {callee}()"));
                }
            }
        }
    }

    /// What else this function is called with in the hole.
    fn others(&self, callee: &str, argument: &str) -> Vec<String> {
        let call = format!("{callee}(");
        let calls = self.source.text.split(&call).skip(1);
        let first = calls.filter_map(|rest| rest.split([')', ',']).next()).map(str::trim);
        let is_name = |word: &&str| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_');
        let mut all: Vec<String> = first.filter(is_name).filter(|word| *word != argument).map(str::to_owned).collect();
        all.dedup();
        all
    }

    /// Another field of the same thing, as far as the hole names one.
    fn field(&mut self, field: &syn::ExprField, range: &Range<usize>) {
        let base = self.source.of(&*field.base);
        let name = self.source.of(&field.member);
        let dotted = format!("{base}.");
        let uses = self.source.text.split(&dotted).skip(1);
        let words =
            uses.map(|rest| rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default());
        let mut others: Vec<String> =
            words.filter(|word| !word.is_empty() && *word != name).map(str::to_owned).collect();
        others.sort();
        others.dedup();
        for other in others {
            self.replace(range.clone(), format!("{base}.{other}"));
        }
    }

    /// Macros hide their arguments from the parser; most have expressions in them.
    pub(super) fn inside_macro(&mut self, found: &syn::Macro) {
        if super::is_narration(found) {
            return;
        }
        let Ok(arguments) = found.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated) else { return };
        let is_text = arguments.first().is_some_and(|first| matches!(first, Expr::Lit(_)));
        self.arguments(&arguments, "", usize::from(is_text));
        for argument in arguments.iter().skip(usize::from(is_text)) {
            syn::visit::Visit::visit_expr(self, argument);
        }
    }
}
