// SPDX-License-Identifier: MIT
#pragma once

#include "table_plan.h"

#include <span>
#include <string>

/// A descriptor table as a map from number to file, for plans to be done on.
namespace table_model {

/// What a child has after the plan for `wanted`, as against what it is to
/// have, in a parent with every number open up to the highest that is named:
/// the first difference in words, or none.
std::string difference(std::span<const clofork::table_entry> wanted,
                       clofork::table_copy copy);

} // namespace table_model
