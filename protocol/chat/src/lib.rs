//! protocol/chat
