//! Text as a goroutine dump of either kind. Seed the corpus with `proto/testdata/*debug*.txt`.

#![no_main]

use leadsman_proto::{UnixNanos, goroutine, pprof};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(dump) = goroutine::parse(input) else {
        return;
    };
    let profile = dump.to_profile(UnixNanos(1));
    let counted = i64::try_from(dump.n_goroutines()).unwrap_or(i64::MAX);
    assert_eq!(profile.total(0), counted);
    assert_eq!(pprof::decode(&pprof::encode(&profile)), Ok(profile));
});
