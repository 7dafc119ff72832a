//! Parts of a state that most steps leave as they are: shared between states, hashed once.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// A value that states share. Its hash is taken when it is made, since every state is hashed.
#[derive(Clone)]
pub struct Shared<T>(Arc<(u64, T)>);

impl<T: Hash> Shared<T> {
    /// Takes the value's hash.
    pub fn new(value: T) -> Self {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        Self(Arc::new((hasher.finish(), value)))
    }
}

impl<T: Hash + Clone> Shared<T> {
    /// Puts a changed copy in its place.
    pub fn change<R>(&mut self, with: impl FnOnce(&mut T) -> R) -> R {
        let mut value = self.0.1.clone();
        let answer = with(&mut value);
        *self = Self::new(value);
        answer
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0.1
    }
}

impl<T> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.0);
    }
}

/// States are told apart by their hashes, as the checker does it.
impl<T> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.0 == other.0.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.1.fmt(f)
    }
}

/// A value of the pipeline that cannot be hashed, by what it prints.
#[derive(Debug, Clone)]
pub struct Printed<T>(pub T);

impl<T: fmt::Debug> Hash for Printed<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        use fmt::Write;
        let _ = write!(Into(state), "{:?}", self.0);
    }
}

impl<T> Deref for Printed<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

struct Into<'a, H>(&'a mut H);

impl<H: Hasher> fmt::Write for Into<'_, H> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
