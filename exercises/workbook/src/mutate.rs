//! Wrong answers made by machine out of a right one: what people do to such lines by mistake. Text in, text out.
//!
//! The mistakes are those of cargo-mutants (<https://mutants.rs/mutants.html>), and those of people who write the lines for
//! the first time: a step left out, done too early or too late, its error swallowed, its argument forgotten, another flag.

mod places;
mod values;

use std::collections::BTreeSet;
use std::ops::Range;

use anyhow::{Context, Result};
use syn::visit::Visit;
use syn::{Block, Expr, Stmt};

use crate::hole::Answer;
use places::Source;

/// Raised when what is made here changes, so that old verdicts do not count.
pub(crate) const VERSION: u32 = 1;

/// One change of the text.
#[derive(Debug)]
struct Change {
    range: Range<usize>,
    new: String,
    what: String,
}

/// All mutants of `answer`, the statements of a hole that stands in `file`. Their names say what was done, as in
/// ``drop `set_keep_capabilities(true)…` ``; no two have the same.
pub(crate) fn mutants(answer: &str, file: &str) -> Result<Vec<Answer>> {
    // The statements of a hole are the inside of a block.
    let text = format!("{{\n{answer}}}");
    let block: Block = syn::parse_str(&text).context("the hole is no list of statements")?;
    let source = Source::new(&text, file);
    let mut finder = Finder { source: &source, changes: Vec::new() };
    finder.whole(&block);
    finder.visit_block(&block);
    let (mut seen, mut names, mut found) = (BTreeSet::from([squeezed(&text)]), BTreeSet::new(), Vec::new());
    for Change { range, new, what } in finder.changes {
        let changed = [&text[..range.start], &new, &text[range.end..]].concat();
        if syn::parse_str::<Block>(&changed).is_err() || !seen.insert(squeezed(&changed)) {
            continue;
        }
        let place = text[..range.start].matches('\n').count();
        let mut name = what.clone();
        if names.contains(&name) {
            name = format!("{what}, line {place}");
        }
        let mut number = 2;
        while !names.insert(name.clone()) {
            name = format!("{what}, line {place}, {number}");
            number += 1;
        }
        found.push(Answer { name, statements: changed[2..changed.len() - 1].to_owned() });
    }
    Ok(found)
}

/// Without white space, in which two answers may differ and be one.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

/// Goes through the statements and collects what can be done to them.
struct Finder<'a> {
    source: &'a Source<'a>,
    changes: Vec<Change>,
}

impl Finder<'_> {
    fn change(&mut self, range: Range<usize>, new: impl Into<String>, what: impl Into<String>) {
        self.changes.push(Change { range, new: new.into(), what: what.into() });
    }

    /// The old text against the new.
    fn replace(&mut self, range: Range<usize>, new: impl Into<String>) {
        let new = new.into();
        let what = format!("{} -> {}", self.source.short(&range), places::shorten(&new));
        self.change(range, new, what);
    }

    /// Instead of everything, or of all from a statement on, something that has the right type.
    fn whole(&mut self, block: &Block) {
        let inside = 2..self.source.text.len() - 1;
        for value in values::ALL {
            self.change(inside.clone(), value, format!("only {value}"));
        }
        for (index, statement) in block.stmts.iter().enumerate().skip(1) {
            // What only tells, and the `Ok(())` at the end, are nothing that could be missing.
            if block.stmts[index..].iter().all(|rest| is_told(rest) || self.source.of(rest) == "Ok(())") {
                break;
            }
            let at = places::range(statement).start;
            let before = places::shorten(&self.source.text[at..]);
            self.change(at..at, "return Ok(());\n", format!("return Ok(()) before {before}"));
        }
        let all: Vec<&Stmt> = block.stmts.iter().filter(|statement| !is_told(statement)).collect();
        if let [first, .., last] = &all[..] {
            self.go_last(first, last);
        }
    }

    /// The first step as the last one.
    fn go_last(&mut self, first: &Stmt, last: &Stmt) {
        let (from, to) = (places::range(first), places::range(last));
        let between = &self.source.text[from.end..to.start];
        let (first_text, last_text) = (&self.source.text[from.clone()], &self.source.text[to.clone()]);
        let moved = match last {
            Stmt::Expr(_, None) => format!("{between}{last_text}?;\n{first_text}\nOk(())"),
            _ => format!("{between}{last_text}\n{first_text}"),
        };
        let what = format!("last {}", self.source.short(&from));
        self.change(from.start..to.end, moved, what);
    }

    /// Steps left out, and steps in the other order.
    fn statements(&mut self, block: &Block) {
        for (index, statement) in block.stmts.iter().enumerate() {
            let range = places::range(statement);
            let short = self.source.short(&range);
            let is_last = index + 1 == block.stmts.len();
            match statement {
                Stmt::Macro(found) if is_narration(&found.mac) => continue,
                Stmt::Expr(Expr::Try(tried), Some(_)) => {
                    let inner = self.source.of(&*tried.expr);
                    self.change(range.clone(), format!("let _ = {inner};"), format!("swallow the error of {short}"));
                    self.change(range.clone(), "", format!("drop {short}"));
                }
                Stmt::Expr(_, None) if is_last => {
                    let text = &self.source.text[range.clone()];
                    self.change(
                        range.clone(),
                        format!("let _ = {text};\nOk(())"),
                        format!("swallow the error of {short}"),
                    );
                    self.change(range.clone(), "Ok(())", format!("drop {short}"));
                    self.change(range.clone(), "", format!("drop {short}"));
                }
                Stmt::Expr(..) | Stmt::Macro(_) => self.change(range.clone(), "", format!("drop {short}")),
                Stmt::Local(_) | Stmt::Item(_) => {}
            }
            if let Some(next) = block.stmts.get(index + 1).filter(|next| !is_told(next)) {
                self.swap(statement, next, index + 2 == block.stmts.len());
            }
        }
    }

    fn swap(&mut self, one: &Stmt, other: &Stmt, other_is_last: bool) {
        let only_names =
            |statement: &Stmt| matches!(statement, Stmt::Local(_)) && !self.source.of(statement).contains('?');
        if only_names(one) && only_names(other) {
            // Whichever comes first, nothing happens.
            return;
        }
        let (first, second) = (places::range(one), places::range(other));
        let (first_text, second_text) = (&self.source.text[first.clone()], &self.source.text[second.clone()]);
        let swapped = match other {
            Stmt::Expr(_, None) if other_is_last => format!("{second_text}?;\n{first_text}\nOk(())"),
            _ => format!("{second_text}\n{first_text}"),
        };
        let what = format!("{} before {}", places::shorten(second_text), places::shorten(first_text));
        self.change(first.start..second.end, swapped, what);
    }
}

fn is_told(statement: &Stmt) -> bool {
    matches!(statement, Stmt::Macro(found) if is_narration(&found.mac))
}

/// Whether a macro only tells what was done: a learner need not write it, and no test asks for it.
fn is_narration(mac: &syn::Macro) -> bool {
    mac.path.is_ident("step")
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_block(&mut self, block: &'ast Block) {
        self.statements(block);
        syn::visit::visit_block(self, block);
    }

    fn visit_expr(&mut self, expr: &'ast Expr) {
        self.expression(expr);
        match expr {
            // The words of an error are not what an exercise is about.
            Expr::MethodCall(call) if call.method == "map_err" => self.visit_expr(&call.receiver),
            Expr::Macro(found) => self.inside_macro(&found.mac),
            expr => syn::visit::visit_expr(self, expr),
        }
    }

    fn visit_stmt_macro(&mut self, statement: &'ast syn::StmtMacro) {
        self.inside_macro(&statement.mac);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(answer: &str) -> String {
        let file = "fn f() { Flags::ONE | Flags::TWO; Flags::THREE }";
        mutants(answer, file).unwrap().into_iter().map(|mutant| mutant.name + "\n").collect()
    }

    #[test]
    fn steps_are_left_out_swapped_and_their_errors_swallowed() {
        insta::assert_snapshot!(names("first(a)?;\nsecond(a, b)?;\nthird()\n"));
    }

    #[test]
    fn conditions_operators_and_constants_are_changed() {
        insta::assert_snapshot!(names("if a < 3 && !b {\n    go(Flags::ONE | Flags::TWO);\n}\nx.filter(f).any(g)\n"));
    }

    #[test]
    fn arms_arguments_and_loops_are_changed() {
        insta::assert_snapshot!(names(
            "for x in list {\n    match x {\n        A | B if ok => return Some(x.one),\n        _ => set(x.one, x.two),\n    }\n}\n\
             while more() { let line = format!(\"{} {}\", x.one, x.two); continue; }\n"
        ));
    }

    #[test]
    fn what_only_tells_is_left_alone() {
        let made = names("step!(1, \"done {}\", 1 + 2);\nwork().map_err(failed(\"work\", 7))\n");
        assert!(!made.contains("step") && !made.contains('8'), "{made}");
    }

    #[test]
    fn every_mutant_is_another_text() {
        let answer = "a()?;\na()?;\nb(1)\n";
        let all = mutants(answer, "").unwrap();
        let texts: BTreeSet<String> = all.iter().map(|mutant| squeezed(&mutant.statements)).collect();
        let names: BTreeSet<&String> = all.iter().map(|mutant| &mutant.name).collect();
        assert_eq!((texts.len(), names.len()), (all.len(), all.len()));
        assert!(!texts.contains(&squeezed(answer)));
    }
}
