//! What people have said of a device or a key.

/// What they have said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Nothing: it is trusted as long as they have said of no other that it is theirs.
    Blind,
    /// It is theirs.
    Verified,
    /// It is not.
    Distrusted,
}

impl Trust {
    /// As the database has it. What is unknown is not trusted.
    pub(super) fn read(name: &str) -> Self {
        [Self::Blind, Self::Verified].into_iter().find(|known| known.name() == name).unwrap_or(Self::Distrusted)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Blind => "blind",
            Self::Verified => "verified",
            Self::Distrusted => "distrusted",
        }
    }

    /// Whether it counts, among those that there are: blind trust before verification.
    pub fn counts(self, mut all: impl Iterator<Item = Self>) -> bool {
        match self {
            Self::Verified => true,
            Self::Distrusted => false,
            Self::Blind => !all.any(|trust| trust == Self::Verified),
        }
    }
}
