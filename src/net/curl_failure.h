#pragma once

#include <curl/curl.h>

#include "base/error.h"
#include "net/curl_handle.h"
#include "net/transfer.h"

namespace ocisync {

// What a failed exchange means for the caller: curl's code and words as one of our errors.
Error curl_failure(CURLcode code, const CurlHandle& handle, const Transfer& transfer);

}  // namespace ocisync
