//! Nothing but a set of features: see Cargo.toml.
