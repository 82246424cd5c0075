//! stub
use crate::formula::Graph;
use crate::model::*;
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emit { Cells, Rows }
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("x")]
pub struct Late;
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("x")]
pub struct PanelError;
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats { pub cells: u64, pub closed: u64, pub corrected: u64, pub revisions: u64 }
pub struct Panel;
impl Panel {
    pub fn new(_: &Graph, _: usize, _: usize, _: Emit) -> Result<Panel, PanelError> { Ok(Panel) }
    pub fn set(&mut self, _: SymbolId, _: Time, _: Option<&[f64]>) -> Result<(), Late> { Ok(()) }
    pub fn work(&mut self, _: Time, _: bool, _: usize, _: &mut Vec<FactorBatch>) -> bool { false }
    pub fn closed_through(&self) -> Option<Time> { None }
    pub fn stats(&self) -> Stats { Stats::default() }
    pub fn state_bytes(&self) -> usize { 0 }
}
pub fn functions() -> &'static [&'static crate::formula::Signature] { &[] }
