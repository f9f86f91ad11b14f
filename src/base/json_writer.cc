#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"

namespace ocisync {
namespace {

class Writer {
 public:
  Writer(int indent, Json::Escape escape) : indent_(indent), escape_(escape) {}

  void write(const Json& value) {
    switch (value.kind()) {
      case Json::Kind::null:
        out_ += "null";
        break;
      case Json::Kind::boolean:
        out_ += *value.boolean() ? "true" : "false";
        break;
      case Json::Kind::integer:
        write_integer(value);
        break;
      case Json::Kind::real:
        write_real(*value.number());
        break;
      case Json::Kind::string:
        write_string(*value.string());
        break;
      case Json::Kind::array:
        write_list(value.items(), '[', ']', [&](const Json& item) { write(item); });
        break;
      case Json::Kind::object:
        write_list(value.members(), '{', '}', [&](const Json::Member& member) {
          write_string(member.first);
          out_ += indent_ < 0 ? ":" : ": ";
          write(member.second);
        });
        break;
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void write_integer(const Json& value) {
    if (const auto small = value.integer())
      fmt::format_to(std::back_inserter(out_), "{}", *small);
    else
      fmt::format_to(std::back_inserter(out_), "{}", *value.unsigned_integer());
  }

  void write_real(double value) {
    if (!std::isfinite(value)) {
      out_ += "null";
      return;
    }
    const std::string digits = fmt::format("{}", value);
    out_ += digits;
    if (digits.find_first_of(".e") == std::string::npos)
      out_ += ".0";  // it must come back as a real
  }

  template <typename List, typename WriteOne>
  void write_list(const List& list, char opening, char closing, WriteOne write_one) {
    out_ += opening;
    ++level_;
    bool first = true;
    for (const auto& one : list) {
      if (!first)
        out_ += ',';
      first = false;
      new_line();
      write_one(one);
    }
    --level_;
    if (!list.empty())
      new_line();
    out_ += closing;
  }

  void new_line() {
    if (indent_ < 0)
      return;
    out_ += '\n';
    out_.append(static_cast<std::size_t>(indent_) * level_, ' ');
  }

  void write_string(std::string_view text) {
    out_ += '"';
    while (!text.empty()) {
      // Nearly all of a document needs no thought.
      const auto plain = std::find_if_not(text.begin(), text.end(), is_plain);
      out_.append(text.begin(), plain);
      text.remove_prefix(static_cast<std::size_t>(plain - text.begin()));
      if (text.empty())
        break;
      const std::size_t length = utf8_length(text);
      write_character(length == 0 ? "\uFFFD" : text.substr(0, length));
      text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    out_ += '"';
  }

  static bool is_plain(char c) {
    return c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
  }

  void write_character(std::string_view character) {
    const char first = character[0];
    if (first == '"' || first == '\\')
      (out_ += '\\') += first;
    else if (static_cast<unsigned char>(first) < 0x20)
      write_control(first);
    else if (escape_ == Json::Escape::html && (first == '<' || first == '>' || first == '&'))
      write_escaped(static_cast<unsigned>(first));
    else if (escape_ == Json::Escape::html && character == "\u2028")
      write_escaped(0x2028);
    else if (escape_ == Json::Escape::html && character == "\u2029")
      write_escaped(0x2029);
    else
      out_ += character;
  }

  void write_control(char c) {
    constexpr std::string_view kControls = "\b\f\n\r\t";
    constexpr std::string_view kLetters = "bfnrt";
    if (const std::size_t at = kControls.find(c); at != std::string_view::npos)
      (out_ += '\\') += kLetters[at];
    else
      write_escaped(static_cast<unsigned>(c));
  }

  void write_escaped(unsigned code) { fmt::format_to(std::back_inserter(out_), "\\u{:04x}", code); }

  int indent_;
  Json::Escape escape_;
  std::size_t level_ = 0;
  std::string out_;
};

}  // namespace

std::string Json::dump(int indent, Escape escape) const {
  Writer writer(indent, escape);
  writer.write(*this);
  return writer.take();
}

}  // namespace ocisync
