#include "gateway/front/token_file.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/toml.h"
#include "common/log/log.h"

namespace gitops {

absl::StatusOr<std::unique_ptr<TokenFile>> TokenFile::Open(const std::string& path, Clock* clock,
                                                           Scheduler* scheduler) {
  if (path.empty()) return std::unique_ptr<TokenFile>(new TokenFile(path, Tokens()));
  absl::StatusOr<std::string> text = ReadConfigText(path);
  if (!text.ok()) return text.status();
  absl::StatusOr<Tokens> tokens = Tokens::Parse(*text, path);
  if (!tokens.ok()) return tokens.status();
  std::unique_ptr<TokenFile> file(new TokenFile(path, *std::move(tokens)));
  file->follower_ = FollowConfig(path, *std::move(text), clock, scheduler, [raw = file.get()] {
    raw->Read();
    return true;
  });
  return file;
}

void TokenFile::Read() {
  const absl::StatusOr<std::string> text = ReadConfigText(path_);
  absl::StatusOr<Tokens> tokens = text.status();
  if (text.ok()) tokens = Tokens::Parse(*text, path_);
  if (!tokens.ok()) {
    return LogError("the new token file is invalid; the previous one stays in use",
                    {{"file", path_}, {"error", std::string(tokens.status().message())}});
  }
  LogInfo("tokens reloaded", {{"file", path_}, {"tokens", absl::StrCat(tokens->all().size())}});
  auto fresh = std::make_shared<const Tokens>(*std::move(tokens));
  MutexLock lock(mutex_);
  tokens_ = std::move(fresh);
}

}  // namespace gitops
