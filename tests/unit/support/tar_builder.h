#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <zlib.h>

namespace ocisync {

// Every field of a ustar header, as bytes. What is not set is what a sound archive would hold.
struct TarFields {
  std::string name;
  char type = '0';
  std::string link;
  std::string prefix;
  std::string mode = "0000644";
  std::string user = "0000000";
  std::string time = "00000000000";
  std::string magic = std::string(
      "ustar\0"
      "00",
      8);
  std::string major = "0000000";
  std::optional<std::string> size;      // as text of the field; the contents' size otherwise
  std::optional<std::string> checksum;  // likewise
};

inline std::string tar_octal(std::uint64_t number, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%0*llo", digits, static_cast<unsigned long long>(number));
  return text;
}

inline std::string tar_block(const TarFields& fields, std::uint64_t contents) {
  std::string block(512, '\0');
  const auto put = [&](std::size_t offset, std::size_t room, std::string_view text) {
    block.replace(offset, std::min(room, text.size()), text.substr(0, room));
  };
  put(0, 100, fields.name);
  put(100, 8, fields.mode);
  put(108, 8, fields.user);
  put(116, 8, fields.user);
  put(124, 12, fields.size.value_or(tar_octal(contents, 11)));
  put(136, 12, fields.time);
  put(148, 8, "        ");
  put(156, 1, std::string_view(&fields.type, 1));
  put(157, 100, fields.link);
  put(257, 8, fields.magic);
  put(329, 8, fields.major);
  put(337, 8, fields.major);
  put(345, 155, fields.prefix);
  const auto sum = std::accumulate(block.begin(), block.end(), 0U, [](unsigned total, char c) {
    return total + static_cast<unsigned char>(c);
  });
  put(148, 8, fields.checksum.value_or(tar_octal(sum, 6) + std::string("\0 ", 2)));
  return block;
}

// "<length> <key>=<value>\n" for each, lengths counted right.
inline std::string pax_records(const std::vector<std::pair<std::string, std::string>>& records) {
  std::string result;
  for (const auto& [key, value] : records) {
    const std::string rest = " " + key + "=" + value + "\n";
    std::size_t length = rest.size();
    while (std::to_string(length).size() + rest.size() != length)
      ++length;
    result += std::to_string(length) + rest;
  }
  return result;
}

// Writes tar archives in memory: sound ones, and any other kind.
class TarBuilder {
 public:
  TarBuilder& entry(const TarFields& fields, std::string_view contents = "") {
    bytes_ += tar_block(fields, contents.size());
    bytes_ += contents;
    bytes_.append((512 - bytes_.size() % 512) % 512, '\0');
    return *this;
  }

  TarBuilder& file(std::string name, std::string_view contents = "") {
    TarFields fields;
    fields.name = std::move(name);
    return entry(fields, contents);
  }

  TarBuilder& directory(std::string name) { return link('5', std::move(name), ""); }

  // '1' hard link, '2' symbolic link, '3' and '4' devices, '6' pipe, ...
  TarBuilder& link(char type, std::string name, std::string target) {
    TarFields fields;
    fields.name = std::move(name);
    fields.type = type;
    fields.link = std::move(target);
    return entry(fields);
  }

  // A PAX header ('x' for the next entry, 'g' for all that follow).
  TarBuilder& pax(const std::vector<std::pair<std::string, std::string>>& records,
                  char type = 'x') {
    return pax_raw(pax_records(records), type);
  }

  TarBuilder& pax_raw(std::string_view contents, char type = 'x') {
    TarFields fields;
    fields.name = "PaxHeaders/x";
    fields.type = type;
    return entry(fields, contents);
  }

  // GNU's way to give the next entry a long name ('L') or link target ('K').
  TarBuilder& gnu_long(char type, std::string_view text) {
    TarFields fields;
    fields.name = "././@LongLink";
    fields.type = type;
    fields.magic = "ustar  ";
    return entry(fields, std::string(text) + '\0');
  }

  TarBuilder& raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }

  // With the two zero blocks that end an archive, or without.
  std::string finished() const { return bytes_ + std::string(1024, '\0'); }

  const std::string& unfinished() const { return bytes_; }

 private:
  std::string bytes_;
};

// One gzip member. `header` may add an extra field, a comment or a name.
inline std::string gzip(std::string_view bytes, int level = 6, gz_header* header = nullptr) {
  z_stream stream{};
  if (::deflateInit2(&stream, level, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("deflateInit2");
  if (header != nullptr)
    ::deflateSetHeader(&stream, header);
  std::string result(::deflateBound(&stream, bytes.size()) + 1024, '\0');
  std::string input(bytes);
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  const int end = ::deflate(&stream, Z_FINISH);
  result.resize(stream.total_out);
  ::deflateEnd(&stream);
  if (end != Z_STREAM_END)
    throw std::runtime_error("deflate");
  return result;
}

// The inside of one gzip member of at most `room` bytes.
inline std::string gunzip(std::string_view packed, std::size_t room = 1 << 24) {
  z_stream stream{};
  if (::inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
    throw std::runtime_error("inflateInit2");
  std::string input(packed);
  std::string result(room, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  const int end = ::inflate(&stream, Z_FINISH);
  result.resize(stream.total_out);
  ::inflateEnd(&stream);
  if (end != Z_STREAM_END)
    throw std::runtime_error("inflate");
  return result;
}

inline constexpr std::string_view kSmallChartYaml = "apiVersion: v2\nname: u\nversion: 1.0.0\n";

// A tar that begins with u/Chart.yaml; add what the test is about.
inline TarBuilder small_chart() {
  TarBuilder tar;
  tar.file("u/Chart.yaml", kSmallChartYaml);
  return tar;
}

}  // namespace ocisync
