#include "chart/tar_header.h"

#include <algorithm>
#include <array>
#include <numeric>

#include <fmt/format.h>

namespace ocisync {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::uint64_t kLargestOctal = (1ULL << 33U) - 1;  // what eleven octal digits hold

// Where a field of the ustar header lies.
struct Field {
  std::size_t offset, size;
};

constexpr Field kName{0, 100}, kMode{100, 8}, kUser{108, 8}, kGroup{116, 8}, kSize{124, 12},
    kTime{136, 12}, kChecksum{148, 8}, kType{156, 1}, kMagic{257, 8}, kMajor{329, 8},
    kMinor{337, 8}, kPrefix{345, 155};

void put(std::string& block, Field field, std::string_view text) {
  block.replace(field.offset, std::min(field.size, text.size()), text.substr(0, field.size));
}

void put_octal(std::string& block, Field field, std::uint64_t number) {
  put(block, field, fmt::format("{:0{}o}", number, field.size - 1));
}

std::string block(std::string_view prefix, std::string_view name, std::uint64_t size, char type,
                  mode_t mode) {
  std::string result(kBlock, '\0');
  put(result, kName, name);
  put_octal(result, kMode, mode);
  put_octal(result, kUser, 0);
  put_octal(result, kGroup, 0);
  put_octal(result, kSize, size);
  put_octal(result, kTime, 0);
  put(result, kType, std::string_view(&type, 1));
  put(result, kMagic, std::string_view("ustar\00000", kMagic.size));
  put_octal(result, kMajor, 0);
  put_octal(result, kMinor, 0);
  put(result, kPrefix, prefix);
  put(result, kChecksum, "        ");  // counts as blanks
  const unsigned sum =
      std::accumulate(result.begin(), result.end(), 0U,
                      [](unsigned total, char c) { return total + static_cast<unsigned char>(c); });
  put(result, kChecksum, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  return result;
}

// "<length> <key>=<value>\n", where the length counts itself.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t bare = key.size() + value.size() + 3;
  std::size_t length = bare + 1;
  while (fmt::formatted_size("{}", length) + bare != length)
    ++length;
  return fmt::format("{} {}={}\n", length, key, value);
}

// Where a long name splits into prefix and name; npos if it does not.
std::size_t split_point(std::string_view name) {
  const std::size_t slash = name.rfind('/', kPrefix.size);
  const bool fits = slash != std::string_view::npos && slash > 0 && slash + 1 < name.size() &&
                    name.size() - slash - 1 <= kName.size;
  return fits ? slash : std::string_view::npos;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

std::string tar_header(std::string_view name, std::uint64_t size, mode_t mode) {
  std::string records;
  std::string_view prefix;
  std::string_view rest = name;
  const std::size_t split_at = split_point(name);
  if (!is_ascii(name) || (name.size() > kName.size && split_at == std::string_view::npos)) {
    records += pax_record("path", name);
  } else if (name.size() > kName.size) {
    prefix = name.substr(0, split_at);
    rest = name.substr(split_at + 1);
  }
  if (size > kLargestOctal)
    records += pax_record("size", fmt::format("{}", size));
  std::string result;
  if (!records.empty())
    result = block("", "PaxHeaders/file", records.size(), 'x', mode) + records +
             tar_padding(records.size());
  const char type = name.ends_with('/') ? '5' : '0';
  return result + block(prefix, rest, size > kLargestOctal ? 0 : size, type, mode);
}

std::string tar_padding(std::uint64_t size) {
  return std::string((kBlock - size % kBlock) % kBlock, '\0');
}

std::string tar_end() { return std::string(2 * kBlock, '\0'); }

}  // namespace ocisync
