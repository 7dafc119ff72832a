mod dns;
mod memory;
mod names;
mod net;
mod proxy;
mod retry;
mod service;
mod source;

pub(crate) use memory::Memory;
