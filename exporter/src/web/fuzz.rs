//! Entry points for fuzzing: whatever the bytes are, these return.

use axum::http::Uri;
use prost::Message;
use proto::UnixMillis;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::api::params::Params;
use super::pyroscope::connect::Codec;
use super::pyroscope::messages::{
    DiffRequest, LabelNamesRequest, LabelValuesRequest, ProfileTypesRequest,
    SelectMergeProfileRequest, SelectMergeStacktracesRequest, SelectSeriesRequest, SeriesRequest,
};

/// Reads a body as the message of every method, in both codecs.
///
/// # Panics
/// If a message that was read is another one after it was written and read again.
pub fn connect_message(body: &[u8]) {
    message::<ProfileTypesRequest>(body);
    message::<LabelNamesRequest>(body);
    message::<LabelValuesRequest>(body);
    message::<SeriesRequest>(body);
    message::<SelectSeriesRequest>(body);
    message::<SelectMergeStacktracesRequest>(body);
    message::<SelectMergeProfileRequest>(body);
    message::<DiffRequest>(body);
}

fn message<T: Message + Default + Serialize + DeserializeOwned>(body: &[u8]) {
    for codec in [Codec::Proto, Codec::Json] {
        let Ok(read) = codec.read::<T>(body) else {
            continue;
        };
        let bytes = read.encode_to_vec();
        match Codec::Proto.read::<T>(&bytes) {
            // Compared as bytes: a step may be no number, which equals nothing.
            Ok(again) => assert_eq!(again.encode_to_vec(), bytes),
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Reads a query of the API.
pub fn query(text: &str) {
    let Ok(uri) = format!("/x?{text}").parse::<Uri>() else {
        return;
    };
    let Ok(params) = Params::at(&uri, UnixMillis(1_795_262_400_000)) else {
        return;
    };
    // Errors are answers too.
    let _ = params.range("from", "to");
    let _ = params.selector("query");
    let _ = params.number("max_nodes", 1, 1..=9);
    let _ = params.parsed::<proto::profile::ProfileTypeId>("type");
}
