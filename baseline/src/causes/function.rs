//! Names of functions, so that they can be compared although packages move and receivers change.

use std::fmt;

/// A function's name, or the end of one, without what says nothing: `(*T).f` is `T.f`, closures
/// within a function are the function, and type parameters are left out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Function(String);

impl Function {
    /// From a name as profiles have it: `go.etcd.io/etcd/server/v3/mvcc.(*store).Range.func1`.
    pub fn new(name: &str) -> Self {
        let name = name.strip_suffix("-fm").unwrap_or(name);
        let mut plain = String::with_capacity(name.len());
        let mut depth = 0usize;
        for character in name.chars() {
            match character {
                '[' => depth += 1,
                ']' => depth = depth.saturating_sub(1),
                '(' | ')' | '*' => {}
                other if depth == 0 => plain.push(other),
                _ => {}
            }
        }
        plain.truncate(without_closures(&plain).len());
        Self(plain)
    }

    /// Without what says nothing.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether its name ends with all the parts of `end`: `crypto/tls.Conn.Handshake` does with
    /// `Conn.Handshake`, and not with `n.Handshake`.
    pub fn ends_with(&self, end: &Self) -> bool {
        match self.0.strip_suffix(end.as_str()) {
            Some(before) => before.is_empty() || before.ends_with(['.', '/']),
            None => false,
        }
    }
}

/// Go counts closures: `f.func1`, `f.func1.2`, `f.gowrap1`, `f.deferwrap2`.
fn without_closures(name: &str) -> &str {
    let mut rest = name;
    while let Some((before, last)) = rest.rsplit_once('.') {
        let kinds = ["func", "gowrap", "deferwrap", ""];
        let mut counts = kinds.iter().filter_map(|kind| last.strip_prefix(kind));
        let is_closure =
            |count: &str| !count.is_empty() && count.chars().all(|c| c.is_ascii_digit());
        if !counts.any(is_closure) {
            break;
        }
        rest = before;
    }
    rest
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, end: &str, ends: bool) {
        let (name, end) = (Function::new(name), Function::new(end));
        assert_eq!(name.ends_with(&end), ends, "{name} with {end}");
    }

    #[test]
    fn names_end_with_whole_parts() {
        check(
            "crypto/tls.(*Conn).Handshake",
            "tls.(*Conn).Handshake",
            true,
        );
        check("crypto/tls.(*Conn).Handshake", "Conn.Handshake", true);
        check("crypto/tls.(*Conn).Handshake", "Handshake", true);
        check("crypto/tls.(*Conn).Handshake", "onn.Handshake", false);
        check("crypto/tls.(*Conn).clientHandshake", "Handshake", false);
        check(
            "crypto/tls.(*Conn).HandshakeContext",
            "Conn.Handshake",
            false,
        );
        check("main.run", "github.com/a/main.run", false);
        check("memcg_stat_show", "memcg_stat_show", true);
    }

    #[test]
    fn packages_may_move() {
        check(
            "go.etcd.io/etcd/mvcc.(*watchableStore).syncWatchers",
            "mvcc.watchableStore.syncWatchers",
            true,
        );
        check(
            "go.etcd.io/etcd/server/v3/storage/mvcc.(*watchableStore).syncWatchers",
            "mvcc.watchableStore.syncWatchers",
            true,
        );
    }

    #[test]
    fn closures_and_type_parameters_say_nothing() {
        check("a.(*T).run.func1", "T.run", true);
        check("a.(*T).run.func1.2.3", "T.run", true);
        check("a.(*T).run.gowrap1", "T.run", true);
        check("a.(*T).run-fm", "T.run", true);
        check(
            "a.(*Map[go.shape.string,go.shape.int]).Load",
            "Map.Load",
            true,
        );
        check("a.(*T).func1x", "T", false);
        assert_eq!(Function::new("").as_str(), "");
        assert_eq!(Function::new("]]]").as_str(), "");
    }
}
