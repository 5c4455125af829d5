//! The tables a request's profiles share: each thing once, index 0 the zero value.

use std::collections::HashMap;
use std::hash::Hash;

use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, any_value};
use opentelemetry_proto::tonic::profiles::v1development::{
    Function, KeyValueAndUnit, Line, Link, Location, Mapping, ProfilesDictionary, Stack,
};

/// A table in the making.
#[derive(Debug)]
pub(super) struct Table<T> {
    items: Vec<T>,
    indices: HashMap<T, i32>,
}

impl<T: Default + Clone + Eq + Hash> Default for Table<T> {
    fn default() -> Self {
        Self {
            items: vec![T::default()],
            indices: HashMap::from([(T::default(), 0)]),
        }
    }
}

impl<T: Clone + Eq + Hash> Table<T> {
    /// The index of an item, which is added if it is new.
    pub(super) fn intern(&mut self, item: T) -> i32 {
        if let Some(&known) = self.indices.get(&item) {
            return known;
        }
        let idx = i32::try_from(self.items.len()).unwrap_or(0);
        self.items.push(item.clone());
        self.indices.insert(item, idx);
        idx
    }
}

/// An attribute's value: the kinds that profiles have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Value {
    /// Only of the zero attribute.
    #[default]
    Unset,
    Text(String),
    Int(i64),
    Bool(bool),
    Array(Vec<Value>),
}

impl Value {
    pub(super) fn into_any(self) -> Option<AnyValue> {
        let value = match self {
            Self::Unset => return None,
            Self::Text(text) => any_value::Value::StringValue(text),
            Self::Int(number) => any_value::Value::IntValue(number),
            Self::Bool(flag) => any_value::Value::BoolValue(flag),
            Self::Array(values) => any_value::Value::ArrayValue(ArrayValue {
                values: values.into_iter().filter_map(Self::into_any).collect(),
            }),
        };
        Some(AnyValue { value: Some(value) })
    }
}

/// An attribute: string index of the key, the value, string index of the unit.
type Attribute = (i32, Value, i32);

/// A location: mapping, address, lines, attributes.
type LocationRow = (i32, u64, Vec<Line>, Vec<i32>);

/// All tables of a request.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    pub(super) mappings: Table<Mapping>,
    pub(super) locations: Table<LocationRow>,
    pub(super) functions: Table<Function>,
    pub(super) stacks: Table<Stack>,
    strings: Table<String>,
    attributes: Table<Attribute>,
}

impl Dictionary {
    /// The index of a string.
    pub(super) fn string(&mut self, text: &str) -> i32 {
        match self.strings.indices.get(text) {
            Some(&known) => known,
            None => self.strings.intern(text.to_owned()),
        }
    }

    /// The index of an attribute.
    pub(super) fn attribute(&mut self, key: &str, value: Value, unit: &str) -> i32 {
        let attribute = (self.string(key), value, self.string(unit));
        self.attributes.intern(attribute)
    }

    pub(super) fn finish(self) -> ProfilesDictionary {
        let attribute = |(key_strindex, value, unit_strindex): Attribute| KeyValueAndUnit {
            key_strindex,
            value: value.into_any(),
            unit_strindex,
        };
        let location = |(mapping_index, address, lines, attribute_indices): LocationRow| Location {
            mapping_index,
            address,
            lines,
            attribute_indices,
        };
        ProfilesDictionary {
            mapping_table: self.mappings.items,
            location_table: self.locations.items.into_iter().map(location).collect(),
            function_table: self.functions.items,
            link_table: vec![Link::default()],
            string_table: self.strings.items,
            attribute_table: self.attributes.items.into_iter().map(attribute).collect(),
            stack_table: self.stacks.items,
        }
    }
}
