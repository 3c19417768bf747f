//! What people type and read, as whole sessions in a workbook in miniature.

mod desk;
mod dev;
mod learner;
mod ordinary;
