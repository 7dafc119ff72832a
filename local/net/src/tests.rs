mod dns;
mod memory;
mod names;
mod net;
mod proxy;
mod retry;
mod service;

pub(crate) use memory::Memory;
