#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ocisync {

// What changed from one text to another, as `diff -u` tells it: "@@ -1,4 +1,5 @@", then lines that
// begin with " ", "-" or "+", three of context around each change; a last line without its newline
// is followed by "\ No newline at end of file". Without the two lines that name files. Empty when
// the texts are equal. Texts that differ in more than some thousand lines are told as one change,
// which is right though not the shortest.
std::vector<std::string> unified_diff(std::string_view before, std::string_view after);

}  // namespace ocisync
