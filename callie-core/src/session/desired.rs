//! The state that the application wants.

/// The state that the application wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DesiredState {
    /// None: not started yet, or closed.
    Nothing,
    /// Connected, by one attempt. A failure suspends the session.
    Once,
    /// Connected, and again after every loss.
    Connected,
    /// Connected after [`Session::resume`](super::Session::resume).
    Suspended,
}

impl DesiredState {
    /// Returns whether the session tries to have a connection now.
    pub(super) fn is_to_connect(self) -> bool {
        matches!(self, Self::Once | Self::Connected)
    }
}
