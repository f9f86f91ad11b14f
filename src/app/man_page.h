#pragma once

#include <string>
#include <vector>

#include "app/command.h"

namespace ocisync {

// ocisync(1) in the man macros: every command with every flag.
std::string man_page(const std::vector<Command>& commands);

}  // namespace ocisync
