#pragma once

#include <gtest/gtest.h>

#include "cache_folder.h"
#include "store/reference_store.h"

namespace ocisync::cache_test {

// A cache with two charts in it, and a reference that may stand for either.
class ReferenceCase : public testing::Test {
 protected:
  CacheFolder folder;
  Volume volume = folder.open();
  ReferenceStore references{volume};
  CachedChart chart{folder, "one"};
  CachedChart other{folder, "two"};
  const Reference reference = Reference::parse("localhost:5000/myrepo/mychart:2.7.0");
};

}  // namespace ocisync::cache_test
