//! protobuf's JSON form (<https://protobuf.dev/programming-guides/json/>), as lenient as it asks readers
//! to be: numbers may be texts, enums names or numbers, `null` is the default, and what is not known
//! is skipped.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serializer};
use serde_json::Value;

/// Reads a message.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    let mut value: Value = serde_json::from_slice(body)?;
    if !value.is_object() {
        // serde would take a list for the fields in their order.
        return Err(serde::de::Error::custom("a message is an object"));
    }
    drop_nulls(&mut value);
    serde_json::from_value(value)
}

/// Nesting is bounded by the parser.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_i64().or_else(|| {
            let number = number.as_f64()?;
            // 2^63: whole numbers below it are exact in an i64.
            let is_whole = number.fract() == 0.0 && number.abs() < 9_223_372_036_854_775_808.0;
            is_whole.then_some(number as i64)
        }),
        _ => None,
    }
}

/// `int64`: a text with a number when written.
pub(super) mod int64 {
    use super::*;
    use serde::de::Error;

    pub(in super::super) fn serialize<S: Serializer>(
        number: &i64,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_str(number)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<i64, D::Error> {
        let value = Value::deserialize(from)?;
        whole(&value).ok_or_else(|| D::Error::custom(format!("{value} is no whole number")))
    }
}

/// `optional int64`.
pub(super) mod optional_int64 {
    use super::*;

    pub(in super::super) fn serialize<S: Serializer>(
        number: &Option<i64>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match number {
            Some(number) => to.collect_str(number),
            None => to.serialize_none(),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<i64>, D::Error> {
        int64::deserialize(from).map(Some)
    }
}

/// `repeated int64`.
pub(super) mod int64s {
    use super::*;
    use serde::de::Error;
    use serde::ser::SerializeSeq;

    pub(in super::super) fn serialize<S: Serializer>(
        numbers: &[i64],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let mut items = to.serialize_seq(Some(numbers.len()))?;
        let mut text = String::new();
        for number in numbers {
            text.clear();
            // Writing to a `String` cannot fail.
            let _ = std::fmt::Write::write_fmt(&mut text, format_args!("{number}"));
            items.serialize_element(&text)?;
        }
        items.end()
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<i64>, D::Error> {
        let values = Vec::<Value>::deserialize(from)?;
        let numbers: Option<Vec<i64>> = values.iter().map(whole).collect();
        numbers.ok_or_else(|| D::Error::custom("a list has what is no whole number"))
    }
}

/// `uint64`, as pprof has them for ids.
pub(super) mod uint64 {
    use super::*;
    use serde::de::Error;

    pub(in super::super) fn serialize<S: Serializer>(
        number: &u64,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_str(number)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<u64, D::Error> {
        let value = Value::deserialize(from)?;
        let number = match &value {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        };
        number.ok_or_else(|| D::Error::custom(format!("{value} is no whole number")))
    }
}

/// `repeated uint64`.
pub(super) mod uint64s {
    use super::*;

    pub(in super::super) fn serialize<S: Serializer>(
        numbers: &[u64],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(numbers.iter().map(ToString::to_string))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<u64>, D::Error> {
        #[derive(Deserialize)]
        struct Item(#[serde(with = "uint64")] u64);
        let items = Vec::<Item>::deserialize(from)?;
        Ok(items.into_iter().map(|Item(number)| number).collect())
    }
}

/// `double`: a number, or a text with one.
pub(super) mod double {
    use super::*;
    use serde::de::Error;

    pub(in super::super) fn serialize<S: Serializer>(
        number: &f64,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_f64(*number)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<f64, D::Error> {
        let value = Value::deserialize(from)?;
        let number = match &value {
            Value::String(text) => text.parse().ok(),
            other => other.as_f64(),
        };
        number.ok_or_else(|| D::Error::custom(format!("{value} is no number")))
    }
}
