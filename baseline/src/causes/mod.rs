//! The table of hot functions: what it means when a function is on the stack, and what to do.
//!
//! The table is data, in `baseline/catalogue/causes.yaml`, embedded here as text. This module knows
//! how a cause is recognised; it does not know YAML, profiles, or how much of a profile is enough.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod function;
#[cfg(test)]
mod tests;

use crate::catalogue::{SignalError, is_name, is_reference};

pub use function::Function;

/// The table: the name of the file, and its text.
pub const FILE: (&str, &str) = ("causes.yaml", include_str!("../../catalogue/causes.yaml"));

/// What it means that a function is on the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What it is called in the archive and in links: `[a-z][a-z0-9_]*`.
    pub name: String,
    /// One of these has to be on the stack.
    pub functions: Vec<Function>,
    /// And all of these, anywhere on it.
    pub with: Vec<Function>,
    /// Kinds of profiles in which it means that (`process_cpu`, `memory`, …); empty: in all.
    pub kinds: Vec<String>,
    /// Of what programs (`etcd`, `kubelet`, …); empty: of all.
    pub components: Vec<String>,
    /// What it means, in a sentence.
    pub cause: String,
    /// What to do; empty if nothing is to be done.
    pub remedy: String,
    /// Where to read on: URLs, or issues as `owner/repository #number`.
    pub references: Vec<String>,
    /// Whether it means nothing, and is not to be told.
    pub suppressed: bool,
}

/// A profile's stack, as far as causes depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Stack<'a> {
    /// Names of functions as profiles have them, in any order.
    pub functions: &'a [&'a str],
    /// Kind of the profile.
    pub kind: &'a str,
    /// Of what program it is, if that is known. Without it, causes of all programs are considered.
    pub component: Option<&'a str>,
}

/// The table, the particular before the general.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Causes(Vec<Cause>);

impl Causes {
    /// A table of these rows; of several that fit, the first one is the likeliest.
    pub fn new(causes: Vec<Cause>) -> Self {
        Self(causes)
    }

    /// Every row.
    pub fn iter(&self) -> impl Iterator<Item = &Cause> {
        self.0.iter()
    }

    /// What a stack means, the likeliest first; nothing if it is suppressed.
    pub fn of(&self, stack: Stack<'_>) -> Vec<&Cause> {
        let functions: Vec<_> = stack
            .functions
            .iter()
            .map(|name| Function::new(name))
            .collect();
        let fitting = self.0.iter().filter(|cause| cause.fits(stack, &functions));
        let fitting: Vec<_> = fitting.collect();
        if fitting.iter().any(|cause| cause.suppressed) {
            return Vec::new();
        }
        fitting
    }

    /// Whether a stack is no evidence of anything: of a scheduler that has nothing to do.
    pub fn is_suppressed(&self, stack: Stack<'_>) -> bool {
        let functions: Vec<_> = stack
            .functions
            .iter()
            .map(|name| Function::new(name))
            .collect();
        let mut suppressed = self.0.iter().filter(|cause| cause.suppressed);
        suppressed.any(|cause| cause.fits(stack, &functions))
    }
}

/// Which stacks are no evidence of anything, worked out once for many stacks: see
/// [`Causes::is_suppressed`].
#[derive(Clone, Debug, Default)]
pub struct Suppressed(Vec<SuppressedRow>);

/// One row of the table, over the names that there are.
#[derive(Clone, Debug)]
struct SuppressedRow {
    /// For each name, whether it is one of the row's functions.
    is_one: Vec<bool>,
    /// The same of each function that has to be there too.
    is_with: Vec<Vec<bool>>,
}

impl Suppressed {
    /// Whether a stack is no evidence: `stack` has indices into the names.
    pub fn has(&self, stack: &[usize]) -> bool {
        let is_there = |names: &Vec<bool>| {
            let mut stack = stack.iter();
            stack.any(|&idx| names.get(idx).copied().unwrap_or(false))
        };
        let mut rows = self.0.iter();
        rows.any(|row| is_there(&row.is_one) && row.is_with.iter().all(is_there))
    }
}

impl Causes {
    /// Which stacks of functions with these names are no evidence, in profiles of a kind.
    pub fn suppressed<'a>(
        &self,
        kind: &str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Suppressed {
        let is_of_kind = |cause: &&Cause| {
            cause.suppressed && (cause.kinds.is_empty() || cause.kinds.iter().any(|i| i == kind))
        };
        let rows: Vec<&Cause> = self.0.iter().filter(is_of_kind).collect();
        if rows.is_empty() {
            return Suppressed::default();
        }
        let names: Vec<_> = names.into_iter().map(Function::new).collect();
        let flags = |part: &Function| names.iter().map(|name| name.ends_with(part)).collect();
        let any = |parts: &[Function]| {
            let is_one = |name: &Function| parts.iter().any(|part| name.ends_with(part));
            names.iter().map(is_one).collect()
        };
        let rows = rows.into_iter().map(|cause| SuppressedRow {
            is_one: any(&cause.functions),
            is_with: cause.with.iter().map(flags).collect(),
        });
        Suppressed(rows.collect())
    }
}

impl Cause {
    fn fits(&self, stack: Stack<'_>, functions: &[Function]) -> bool {
        let is_among =
            |list: &[String], one: &str| list.is_empty() || list.iter().any(|i| i == one);
        let is_there = |part: &Function| functions.iter().any(|one| one.ends_with(part));
        is_among(&self.kinds, stack.kind)
            && stack
                .component
                .is_none_or(|one| is_among(&self.components, one))
            && self.functions.iter().any(is_there)
            && self.with.iter().all(is_there)
    }

    /// What is wrong with it; nothing if it can be.
    pub fn check(&self) -> Vec<SignalError> {
        let error = |key, problem: String, allowed| SignalError {
            key,
            problem,
            allowed,
        };
        let mut found = Vec::new();
        if !is_name(&self.name) {
            let problem = format!("wrong name {:?}", self.name);
            found.push(error("name", problem, "small letters, digits and _"));
        }
        if self.functions.is_empty() {
            let allowed = "one at least, such as tls.(*Conn).Handshake";
            found.push(error("functions", "no functions".to_owned(), allowed));
        }
        let names = self.functions.iter().chain(&self.with);
        for name in names.filter(|name| name.as_str().is_empty()) {
            found.push(error(
                "functions",
                format!("{name:?} is no function"),
                "its name",
            ));
        }
        if self.cause.trim().is_empty() {
            found.push(error("cause", "no text".to_owned(), "a sentence"));
        }
        for reference in self.references.iter().filter(|one| !is_reference(one)) {
            let problem = format!("{reference:?} leads nowhere");
            found.push(error(
                "references",
                problem,
                "https://…, owner/repository #number",
            ));
        }
        found
    }
}
