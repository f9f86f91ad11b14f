#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "net/http.h"

namespace ocisync {

// An error answer as one clear Error: reason by status, the registry's own code and message
// (without the secrets that we sent, control bytes escaped), a hint where one helps. Never fails on
// an unreadable body.
Error answer_error(const HttpResponse& response, const Url& url, std::string_view what,
                   const std::vector<Secret>& secrets);

// Whether a body is a page for people: a login page or a proxy stands between us and the registry.
bool is_web_page(const HttpResponse& response);

// The Error for an answer that should have been a registry's and is not; says so when it is a page.
Error not_a_registry_answer(const HttpResponse& response, const Url& url, std::string_view detail);

// Takes every occurrence of a secret, also as base64 or percent-encoded, out of text that a server
// sent back. Such text is to be decoded first: JSON can spell a secret in many ways.
std::string without_secrets(std::string text, const std::vector<Secret>& secrets);

}  // namespace ocisync
