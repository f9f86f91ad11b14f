#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "spec/codec.h"
#include "spec/reading.h"
#include "spec/shape.h"

namespace ocisync {

// A text that remembers where it was written.
struct Written {
  std::string value;
  Position at;
  bool given = false;
  bool expanded = false;  // variables were put in
};

template <typename T>
void assign(T& into, T value, const YamlValue& /*from*/) {
  into = std::move(value);
}

template <typename T>
void assign(std::optional<T>& into, T value, const YamlValue& /*from*/) {
  into = std::move(value);
}

inline void assign(Written& into, std::string value, const YamlValue& from) {
  const bool expanded = value != from.text;
  into = {std::move(value), from.at, true, expanded};
}

// A default as the schema shows it; null when there is none.
template <typename T>
Json show_default(const Codec<T>& codec, const T& value) {
  return codec.show(value);
}

template <typename T>
Json show_default(const Codec<T>& codec, const std::optional<T>& value) {
  return value ? codec.show(*value) : Json();
}

inline Json show_default(const Codec<std::string>& /*codec*/, const Written& /*value*/) {
  return {};
}

// One field of an object that is read into an Owner: what it looks like, and what becomes of it.
// The words behind a field say the rest: field(...).required().restart().
template <typename Owner>
struct Field {
  using Read = std::function<void(Reading&, const YamlValue&, Owner&)>;

  FieldShape shape;
  Read read;  // none: the field is refused

  Field required() && {
    shape.required = true;
    return std::move(*this);
  }

  Field restart() && {
    shape.restart = true;
    return std::move(*this);
  }

  Field joined() && {
    shape.joined = true;
    return std::move(*this);
  }

  Field alternative() && {
    shape.alternative = true;
    return std::move(*this);
  }

  Field sample(Json value) && {
    shape.sample = std::move(value);
    return std::move(*this);
  }

  Field needs(std::string other) && {
    shape.needs.push_back(std::move(other));
    return std::move(*this);
  }
};

// An entry of a map that was found to be a field that can be read.
struct KnownKey {
  std::size_t field = 0;
  const YamlValue::Entry* entry = nullptr;
};

// Complains about everything that is wrong with the keys of `value`, if it is a map at all.
std::vector<KnownKey> know_keys(Reading& reading, const YamlValue& value, const Shape& shape);

// A map of the spec file that is read into an Owner.
template <typename Owner>
class Object {
 public:
  // Runs after all fields were read, for what takes more than one of them to see.
  using Check = std::function<void(Reading&, const YamlValue&, Owner&)>;

  explicit Object(std::vector<Field<Owner>> fields) {
    shape_.kind = ValueKind::object;
    shape_.noun = "a map";
    for (Field<Owner>& field : fields) {
      shape_.fields.push_back(std::move(field.shape));
      readers_.push_back(std::move(field.read));
    }
  }

  Object exactly_one(std::vector<std::string> names) && {
    shape_.exactly_one = std::move(names);
    return std::move(*this);
  }

  Object extensions() && {
    shape_.extensions = true;
    return std::move(*this);
  }

  Object check(Check check) && {
    checks_.push_back(std::move(check));
    return std::move(*this);
  }

  const Shape& shape() const { return shape_; }

  void read(Reading& reading, const YamlValue& value, Owner& owner) const {
    for (const KnownKey& known : know_keys(reading, value, shape_)) {
      const auto place = reading.inside(known.entry->key);
      readers_[known.field](reading, known.entry->value, owner);
    }
    if (value.is_map())
      for (const Check& check : checks_)
        check(reading, value, owner);
  }

 private:
  Shape shape_;
  std::vector<typename Field<Owner>::Read> readers_;
  std::vector<Check> checks_;
};

// The makers of fields. `place` is a member pointer or a function of Owner that leads to the value.

template <typename Owner, typename Place, typename T>
Field<Owner> field(std::string name, Place place, Codec<T> codec, std::string doc) {
  const Owner blank{};
  FieldShape shape;
  shape.name = std::move(name);
  shape.doc = std::move(doc);
  shape.value = codec.shape;
  shape.fallback = show_default(codec, std::invoke(place, blank));
  const auto read = [place, codec](Reading& reading, const YamlValue& value, Owner& owner) {
    if (auto parsed = codec.parse(reading, value))
      assign(std::invoke(place, owner), std::move(*parsed), value);
  };
  return {std::move(shape), read};
}

// A field whose value is handed to `act(reading, value, at, owner)` instead of being kept as it is.
template <typename Owner, typename T, typename Act>
Field<Owner> acting(std::string name, Codec<T> codec, Act act, std::string doc) {
  FieldShape shape;
  shape.name = std::move(name);
  shape.doc = std::move(doc);
  shape.value = codec.shape;
  const auto read = [act, codec](Reading& reading, const YamlValue& value, Owner& owner) {
    if (auto parsed = codec.parse(reading, value))
      act(reading, std::move(*parsed), value.at, owner);
  };
  return {std::move(shape), read};
}

// A map whose fields belong to the same owner.
template <typename Owner>
Field<Owner> section(std::string name, Object<Owner> object, std::string doc) {
  FieldShape shape;
  shape.name = std::move(name);
  shape.doc = std::move(doc);
  shape.value = object.shape();
  const auto kept = std::make_shared<const Object<Owner>>(std::move(object));
  const auto read = [kept](Reading& reading, const YamlValue& value, Owner& owner) {
    kept->read(reading, value, owner);
  };
  return {std::move(shape), read};
}

template <typename Part>
Part& engage(Part& part) {
  return part;
}

template <typename Part>
Part& engage(std::optional<Part>& part) {
  part = Part{};
  return *part;
}

// A map that is a part of its owner.
template <typename Owner, typename Place, typename Part>
Field<Owner> part(std::string name, Place place, Object<Part> object, std::string doc) {
  FieldShape shape;
  shape.name = std::move(name);
  shape.doc = std::move(doc);
  shape.value = object.shape();
  const auto kept = std::make_shared<const Object<Part>>(std::move(object));
  const auto read = [kept, place](Reading& reading, const YamlValue& value, Owner& owner) {
    kept->read(reading, value, engage(std::invoke(place, owner)));
  };
  return {std::move(shape), read};
}

// A list of maps. An entry with a member `at` learns its position, one with `index` its number.
template <typename Owner, typename Place, typename Part>
Field<Owner> list(std::string name, Place place, Object<Part> object, std::string doc) {
  FieldShape shape;
  shape.name = std::move(name);
  shape.doc = std::move(doc);
  shape.value = list_shape(object.shape());
  const auto kept = std::make_shared<const Object<Part>>(std::move(object));
  const auto read = [kept, place](Reading& reading, const YamlValue& value, Owner& owner) {
    if (!is_list(reading, value))
      return;
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      const auto here = reading.inside(i);
      Part entry{};
      if constexpr (requires { entry.at; })
        entry.at = value.items[i].at;
      if constexpr (requires { entry.index; })
        entry.index = i;
      kept->read(reading, value.items[i], entry);
      std::invoke(place, owner).push_back(std::move(entry));
    }
  };
  return {std::move(shape), read};
}

// A field that is part of the format but refused by this version.
template <typename Owner>
Field<Owner> later(FieldShape shape) {
  shape.not_yet = true;
  return {std::move(shape), nullptr};
}

}  // namespace ocisync
