#include <memory>
#include <string>

#include "common/clock/fake_clock.h"
#include "common/store/conformance.h"
#include "common/store/temp_store.h"

namespace gitops {
namespace {

class SqliteHarness : public StoreHarness {
 public:
  absl::StatusOr<std::unique_ptr<Store>> Open() override {
    SqliteStoreOptions options;
    options.path = directory_.path() + "/store.db";
    options.exclusive = false;  // the suite opens several on the same data
    options.clock = &clock_;
    return OpenSqliteStore(options);
  }

  void PassTime(absl::Duration by) override { clock_.Advance(by); }

  // Values as large as the whole log of changes push out what is older.
  absl::Status ForgetChanges(Store& store) override {
    const std::string large(20 << 20, 'x');
    for (int i = 0; i < 2; ++i) {
      if (absl::Status status = store.Put("forget", large).status(); !status.ok()) return status;
    }
    return store.Delete("forget");
  }

 private:
  TempDirectory directory_;
  FakeClock clock_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreConformanceTest,
                         ::testing::Values(StoreEngine{
                             "sqlite", [] { return std::make_unique<SqliteHarness>(); }}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace gitops
