#ifndef GITOPS_COMMON_GIT_OBJECT_HASH_H_
#define GITOPS_COMMON_GIT_OBJECT_HASH_H_

#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace gitops {

// Computes git's id of an object piece by piece: SHA-1, or SHA-256 where ids have 64 hex digits.
class ObjectHash {
 public:
  // `type`: "blob", "tree", "commit" or "tag"; `size` of the content in bytes.
  ObjectHash(absl::string_view type, int64_t size, size_t id_length);

  void Update(absl::string_view content);
  // The id in lower-case hex. Nothing may follow.
  std::string Finish();

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  const std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_GIT_OBJECT_HASH_H_
