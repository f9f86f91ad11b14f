#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "base/yaml.h"

namespace ocisync {

// What a YAML scalar means to the reader that Helm uses: YAML 1.1 booleans (y, no, on), integers
// with 0x, 0o, 0b, a leading 0 for octal and underscores, floats; dates and all else are text.
using GoScalar =
    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string>;

// `value` is a scalar or null.
GoScalar go_scalar(const YamlValue& value);

// What a text field receives when the scalar is not text: "true", "42", "1.1" (of 1.10), "1e+06".
// Null gives an empty text.
std::string go_text(const GoScalar& scalar);

}  // namespace ocisync
