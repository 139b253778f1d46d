//! Acknowledges at once what came over a socket.
//!
//! Prosody leaves Nagle's algorithm on: while something is unacknowledged it holds the next stanza back, and the kernel
//! delays acknowledgements by 40 ms when there is nothing to send with them. A negotiation would wait for that twice.

use std::io;

use tokio::net::TcpStream;

/// A second handle of the socket under whatever the stream is made of.
pub(crate) struct PromptAck(TcpStream);

impl PromptAck {
    /// The socket, and a handle on it.
    pub(crate) fn on(socket: TcpStream) -> io::Result<(TcpStream, Self)> {
        let socket = socket.into_std()?;
        let handle = TcpStream::from_std(socket.try_clone()?)?;
        Ok((TcpStream::from_std(socket)?, Self(handle)))
    }

    /// Something was read.
    pub(crate) fn after_reading(&self) {
        // The kernel forgets the wish by and by (tcp(7), TCP_QUICKACK). Without it all works, only later.
        #[cfg(target_os = "linux")]
        let _ = self.0.set_quickack(true);
    }
}
