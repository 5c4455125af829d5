//! Expressions of signals: one is refused with a reason, or what is printed of it is the same one.

#![no_main]

use leadsman_baseline::promql::Expr;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    match Expr::parse(input) {
        Ok(expr) => {
            let printed = expr.to_string();
            assert_eq!(Expr::parse(&printed).as_ref(), Ok(&expr), "{printed}");
            let of_all = expr.for_prometheus();
            assert_eq!(of_all.for_prometheus(), of_all, "{of_all}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
