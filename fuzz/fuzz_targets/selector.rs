//! PromQL's vector selectors: one is refused with a reason, or what is printed of it is the same one.

#![no_main]

use leadsman_proto::selector::Selector;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    match input.parse::<Selector>() {
        Ok(selector) => {
            let printed = selector.to_string();
            assert_eq!(printed.parse(), Ok(selector), "{printed}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
