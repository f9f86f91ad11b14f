#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/files.h"

namespace ocisync {

// Something being made under a private name in the staging directory. Whatever stands under that
// name at the end goes: the thing itself when it was not put in place, what it was exchanged for
// when it was. A directory is locked until then, so that a sweep can tell it from what a killed
// process left. Outlived by the staging directory.
class Staged {
 public:
  static Staged directory(const Directory& staging);  // empty, mode 0700
  static Staged link(const Directory& staging, std::string_view target);
  ~Staged();
  Staged(Staged&& other) noexcept;
  Staged& operator=(Staged&&) = delete;

  const Directory& home() const noexcept { return *home_; }

  const std::string& name() const noexcept { return name_; }

  Directory open() const;           // of a directory
  void open_up(mode_t mode) const;  // gives a directory the mode that readers need

 private:
  Staged(const Directory& home, std::string name) : home_(&home), name_(std::move(name)) {}

  const Directory* home_;  // null: moved from
  std::string name_;
  std::optional<Directory> locked_;
};

// Whether somebody is making the directory of that name. False where there are no locks.
bool is_being_made(const Directory& staging, std::string_view name);

}  // namespace ocisync
