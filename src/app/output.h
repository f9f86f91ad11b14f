#pragma once

#include <string_view>

namespace ocisync {

// Writes the result to stdout, all of it. A closed stdout throws Error(storage_failed): a pipeline
// that reads the result must not take a missing one for an empty one.
void print(std::string_view text);

}  // namespace ocisync
