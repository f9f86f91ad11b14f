#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sys/stat.h>

namespace ocisync {

// The blocks that stand before a regular file's contents in a tar (POSIX.1-2017 pax), or for a
// directory, whose name ends in "/" and whose size is 0: a ustar header of that mode, owner 0, time
// 0, preceded by a PAX header where the name is too long for it or is not ASCII, or the size beyond
// 8 GiB. A multiple of 512 bytes.
std::string tar_header(std::string_view name, std::uint64_t size, mode_t mode = 0644);

// The zeros that follow contents of `size` bytes up to the next block.
std::string tar_padding(std::uint64_t size);

// The two blocks that end an archive.
std::string tar_end();

}  // namespace ocisync
