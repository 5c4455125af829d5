//! Configuration: one YAML file, validated as a whole, into the options of each part.
