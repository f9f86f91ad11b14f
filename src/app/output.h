#pragma once

#include <string_view>

namespace ocisync {

// Writes the result to stdout, all of it. A closed stdout throws Error(storage_failed): a pipeline
// that reads the result must not take a missing one for an empty one.
void print(std::string_view text);

// Whether somebody watches what goes to stderr: a terminal, and neither CI nor NO_COLOR is set.
bool stderr_is_watched();

// A closed standard descriptor would be taken by the next file that is opened, and that file by our
// output: gives each that is closed something that refuses to be written.
void occupy_closed_descriptors();

}  // namespace ocisync
