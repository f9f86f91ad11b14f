#pragma once

#include <string_view>

#include "base/json.h"

namespace ocisync {

// The documents of this program say what they are in the manner of Kubernetes.
inline constexpr std::string_view kApiVersion = "ocisync.dev/v1alpha1";

inline Json document_of_kind(std::string_view kind) {
  Json document = Json::object();
  document.set("apiVersion", kApiVersion).set("kind", kind);
  return document;
}

}  // namespace ocisync
