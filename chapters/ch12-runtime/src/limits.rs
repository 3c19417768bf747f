//! From the specification's words for limits to those of the cgroups chapter.

use cgroups::Limits;

use crate::plan::PlanError;
use crate::spec::Resources;

pub(crate) fn translate(_resources: &Resources) -> Result<Limits, PlanError> {
    Ok(Limits::default())
}
