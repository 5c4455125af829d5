//! The query of a request, read with care: it comes from outside.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use axum::extract::Query;
use axum::http::Uri;
use jiff::Timestamp;
use proto::UnixMillis;
use proto::selector::Selector;

use super::ApiError;
use super::time::{self, Range};

/// How far back an answer reaches unless it is told. Milliseconds.
const AN_HOUR: i64 = 3_600_000;
/// A selector that is longer is not one that somebody means. Bytes.
const MAX_SELECTOR: usize = 8 << 10;

/// The parameters of a request, as it came.
#[derive(Clone, Debug)]
pub(in crate::web) struct Params {
    pairs: Vec<(String, String)>,
    now: UnixMillis,
}

impl Params {
    /// Those of a request.
    ///
    /// # Errors
    /// If the query cannot be decoded.
    pub(in crate::web) fn of(uri: &Uri) -> Result<Self, ApiError> {
        let now = UnixMillis(Timestamp::now().as_millisecond());
        Self::at(uri, now)
    }

    /// The same at a time.
    pub(in crate::web) fn at(uri: &Uri, now: UnixMillis) -> Result<Self, ApiError> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
        let Query(pairs) = pairs
            .map_err(|error| ApiError::bad_request(format!("the query cannot be read: {error}")))?;
        Ok(Self { pairs, now })
    }

    /// The first value of a name. One that is empty counts as absent.
    pub(in crate::web) fn get(&self, name: &str) -> Option<&str> {
        let mut of_name = self.pairs.iter().filter(|(key, _)| key == name);
        let first = of_name.next().map(|(_, value)| value.as_str());
        first.filter(|value| !value.is_empty())
    }

    /// The first value of a name that has to be there.
    pub(in crate::web) fn required(&self, name: &str) -> Result<&str, ApiError> {
        let value = self.get(name);
        value.ok_or_else(|| ApiError::bad_request(format!("{name} is missing")))
    }

    /// A value that is read from text, if it is there.
    pub(in crate::web) fn parsed<T>(&self, name: &str) -> Result<Option<T>, ApiError>
    where
        T: FromStr<Err: Display>,
    {
        let parsed = self.get(name).map(str::parse).transpose();
        parsed.map_err(|error| ApiError::bad_request(format!("{name}: {error}")))
    }

    /// A number within bounds.
    pub(in crate::web) fn number(
        &self,
        name: &str,
        default: u64,
        allowed: RangeInclusive<u64>,
    ) -> Result<u64, ApiError> {
        let Some(text) = self.get(name) else {
            return Ok(default);
        };
        let number = text.parse().ok().filter(|number| allowed.contains(number));
        number.ok_or_else(|| {
            let (least, greatest) = allowed.clone().into_inner();
            ApiError::bad_request(format!(
                "{name} is {text:?}: expected a number from {least} to {greatest}"
            ))
        })
    }

    /// A selector in the words of Prometheus; everything if it is absent.
    pub(in crate::web) fn selector(&self, name: &str) -> Result<Selector, ApiError> {
        let Some(text) = self.get(name) else {
            return Ok(Selector::default());
        };
        if text.len() > MAX_SELECTOR {
            let message = format!("{name} is longer than {MAX_SELECTOR} bytes");
            return Err(ApiError::bad_request(message));
        }
        text.parse()
            .map_err(|error| ApiError::bad_request(format!("{name}: {error}")))
    }

    /// Times from `from` (an hour before `to` if absent) to `to` (now if absent).
    pub(in crate::web) fn range(&self, from: &str, to: &str) -> Result<Range, ApiError> {
        let end = self.time(to)?.unwrap_or(self.now);
        let start = self.time(from)?;
        let start = start.unwrap_or(UnixMillis(end.0.saturating_sub(AN_HOUR).max(0)));
        Range::new(start.0, end.0)
            .ok_or_else(|| ApiError::bad_request(format!("{from} has to be before {to}")))
    }

    /// The same with what `convert` makes of the times of some names that are plain numbers.
    pub(in crate::web) fn with_numbers(
        mut self,
        names: &[&str],
        convert: impl Fn(i64) -> i64,
    ) -> Self {
        for (name, value) in &mut self.pairs {
            if names.contains(&name.as_str())
                && let Ok(number) = value.parse()
            {
                *value = convert(number).to_string();
            }
        }
        self
    }

    fn time(&self, name: &str) -> Result<Option<UnixMillis>, ApiError> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let time = time::parse(text, self.now);
        time.map(Some)
            .map_err(|allowed| ApiError::bad_request(format!("{name} is {text:?}: {allowed}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: UnixMillis = UnixMillis(1_795_262_400_000);

    fn params(query: &str) -> Params {
        let uri: Uri = format!("/x?{query}").parse().unwrap();
        Params::at(&uri, NOW).unwrap()
    }

    #[track_caller]
    fn check_refused<T: std::fmt::Debug>(result: Result<T, ApiError>, expected: &str) {
        let error = result.unwrap_err();
        assert_eq!(error.status, axum::http::StatusCode::BAD_REQUEST);
        assert!(error.message.contains(expected), "{}", error.message);
    }

    #[test]
    fn what_is_absent_has_a_default() {
        let params = params("n=&other=1");
        assert_eq!(params.number("n", 7, 1..=9).unwrap(), 7);
        assert_eq!(params.selector("query").unwrap(), Selector::default());
        let range = params.range("from", "to").unwrap();
        assert_eq!((range.from.0, range.to.0), (NOW.0 - AN_HOUR, NOW.0));
        check_refused(params.required("n"), "n is missing");
    }

    #[test]
    fn what_is_there_is_read() {
        let params = params("n=9&query=%7Bjob%3D%22a%22%7D&from=-2h&to=-1h&n=4");
        assert_eq!(params.number("n", 7, 1..=9).unwrap(), 9);
        assert_eq!(
            params.selector("query").unwrap().to_string(),
            r#"{job="a"}"#
        );
        assert_eq!(params.range("from", "to").unwrap().length(), AN_HOUR);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_is_allowed() {
        let params = params("n=1000000000&query=%7B&from=5&to=soon&left=7");
        check_refused(
            params.number("n", 7, 1..=9),
            "n is \"1000000000\": expected a number from 1 to 9",
        );
        check_refused(params.selector("query"), "query: expected");
        check_refused(
            params.range("from", "to"),
            "to is \"soon\": expected milliseconds",
        );
        check_refused(params.range("left", "from"), "left has to be before from");
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[ -~]{0,40}") {
            let Ok(uri) = format!("/x?{text}").parse::<Uri>() else {
                return Ok(());
            };
            if let Ok(params) = Params::at(&uri, NOW) {
                let _ = params.range("from", "to");
                let _ = params.selector("query");
                let _ = params.number("n", 1, 1..=9);
            }
        }
    }
}
