#pragma once

#include <string>

#include "net/curl_handle.h"
#include "net/transfer.h"

namespace ocisync {

struct CurlDefaults {
  std::string user_agent;
  std::string trust_file;  // the system's trust anchors; empty: what libcurl was built with
};

// Tells a fresh handle all about one exchange; the transfer hears what happens through it. The
// request and the transfer must stay until the handle is reset.
void set_options(CurlHandle& handle, Transfer& transfer, const CurlDefaults& defaults);

}  // namespace ocisync
