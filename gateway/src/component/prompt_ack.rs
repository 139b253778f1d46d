//! A socket that acknowledges at once what it reads.
//!
//! Prosody leaves Nagle's algorithm on: while something is unacknowledged it holds the next stanza back, and the kernel
//! delays acknowledgements by 40 ms when there is nothing to send with them. Stanzas that come in pairs would wait for that.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;

pub(super) struct PromptAck(pub(super) OwnedReadHalf);

impl AsyncRead for PromptAck {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.0).poll_read(cx, buf));
        // The kernel forgets the wish by and by (tcp(7), TCP_QUICKACK). Without it all works, only later.
        #[cfg(target_os = "linux")]
        let _ = self.0.as_ref().set_quickack(true);
        Poll::Ready(read)
    }
}
