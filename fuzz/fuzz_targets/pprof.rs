//! Bytes as a pprof message: what decodes is written and read back as it was, and every
//! operation takes it. Seed the corpus with `proto/testdata/*.pb.gz`, decompressed.

#![no_main]

use leadsman_proto::pprof::{decode, encode};
use leadsman_proto::profile_ops::{delta, merge, top};
use leadsman_proto::{folded, speedscope};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(profile) = decode(input) else {
        return;
    };
    let written = encode(&profile);
    assert_eq!(decode(&written).as_ref(), Ok(&profile));
    merge([&profile, &profile]).expect("a profile fits itself");
    delta(&profile, &profile);
    top(&profile, profile.default_type_idx(), 10);
    folded::write(&profile, 0);
    speedscope::write(&profile);
});
