#include "common/tls/signature.h"

#include <gtest/gtest.h>

#include "common/path/temporary_directory.h"
#include "common/rpc/testing_tls.h"

namespace gitops {
namespace {


}  // namespace
}  // namespace gitops
