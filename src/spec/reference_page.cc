#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "spec/load.h"
#include "spec/shape.h"
#include "spec/yaml_word.h"

namespace ocisync {
namespace {

constexpr std::size_t kWidth = 100;

// Where a line of the page stands.
struct LineStart {
  std::size_t indent = 0;
  bool commented = false;  // the field, and all below it, is not active
  bool dash = false;       // the next field opens an entry of a list
};

std::string_view without_article(std::string_view noun) {
  for (const std::string_view article : {"a ", "an ", "the "})
    if (noun.starts_with(article))
      return noun.substr(article.size());
  return noun;
}

std::string type_of(const Shape& shape) {
  switch (shape.kind) {
    case ValueKind::flag:
      return "true or false";
    case ValueKind::count:
      return fmt::format("{} to {}", shape.least, shape.most);
    case ValueKind::choice:
      return shape.allowed;
    case ValueKind::text:
      return fmt::format("{}{}{}", without_article(shape.noun), shape.allowed.empty() ? "" : ": ",
                         shape.allowed);
    case ValueKind::list:
      return shape.item.front().kind == ValueKind::object ? "" : "list";
    case ValueKind::object:
      return {};
  }
  return {};
}

// One line of what kind of value, which default, and when it counts.
std::string facts_of(const FieldShape& field) {
  std::vector<std::string> facts;
  if (const std::string type = type_of(field.value); !type.empty())
    facts.push_back(type);
  if (!field.fallback.is_null())
    facts.push_back(fmt::format("default {}", as_yaml(field.fallback)));
  if (field.required)
    facts.emplace_back("required");
  if (field.restart)
    facts.emplace_back("a change needs a restart");
  if (field.not_yet)
    facts.emplace_back("not supported yet");
  return facts.empty() ? "" : fmt::format(" ({})", fmt::join(facts, "; "));
}

// Whether fields stand below it.
bool is_branch(const Shape& shape) {
  return shape.kind == ValueKind::object ||
         (shape.kind == ValueKind::list && is_branch(shape.item.front()));
}

class Page {
 public:
  void field(const FieldShape& field, LineStart place) {
    place.commented = place.commented || field.not_yet || field.alternative;
    const std::size_t outer = place.dash ? place.indent - 2 : place.indent;
    if (place.indent <= 2 && is_branch(field.value))
      line(0, "");
    comment(outer, field.doc + facts_of(field));
    const std::string lead = place.dash ? "- " : "";
    const std::string key = lead + field.name + ":";
    const std::string mark = place.commented ? "#" : "";
    if (field.value.kind == ValueKind::object) {
      line(outer, mark + key);
      fields(field.value, {place.indent + 2, place.commented, false});
    } else if (is_branch(field.value)) {
      line(outer, mark + key);
      fields(field.value.item.front(), {place.indent + 4, place.commented, true});
    } else {
      const Json& shown = field.fallback.is_null() ? field.sample : field.fallback;
      line(outer, mark + key + " " + as_yaml(shown));
    }
  }

  void fields(const Shape& object, LineStart place) {
    for (const FieldShape& one : object.fields) {
      field(one, place);
      place.dash = false;
    }
  }

  void comment(std::size_t indent, std::string_view text) {
    std::string current;
    for (const std::string_view word : split(text, ' ')) {
      if (!current.empty() && indent + 3 + current.size() + word.size() > kWidth) {
        line(indent, "#" + current);
        current.clear();
      }
      current += fmt::format(" {}", word);
    }
    line(indent, "#" + current);
  }

  void line(std::size_t indent, std::string_view text) {
    text_ += fmt::format("{:{}}{}\n", "", indent, text);
  }

  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace

std::string spec_reference_page() {
  Page page;
  page.comment(
      0,
      "The spec file of ocisync, field by field. What has a default is shown with it, the "
      "rest with an example; lines that begin with #name: are alternatives or not "
      "supported yet. Texts may hold ${VAR}, ${VAR:-default} and ${VAR:?message}; $${ is a "
      "literal. Keys at the top that begin with x- are free, for anchors. Relative paths "
      "start at the file that holds them.");
  page.fields(spec_shape(), {});
  return page.take();
}

}  // namespace ocisync
