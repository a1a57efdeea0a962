import de.bwaldvogel.mongo.MongoBackend;
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.h2.mvstore.MVStore;

/**
 * The local stand-in for MongoDB: mongo-java-server with its documents in one H2 file, or in memory.
 *
 * <p>It speaks MongoDB's protocol, but it is not MongoDB: no transactions, no replica set, no change streams.
 * H2 writes what it acknowledged some time later. SIGTERM therefore closes the store, which loses nothing; SIGKILL loses
 * what was acknowledged within the last {@link #COMMIT_DELAY_MILLIS}, all collections going back to the same moment.
 */
public final class MongoStandIn {
    private static final int COMMIT_DELAY_MILLIS = 200;
    private static final int CACHE_MEBIBYTES = 64;
    /** A cursor reads the version at which it began. H2 forgets all but the newest few, one each {@link #COMMIT_DELAY_MILLIS}. */
    private static final int VERSIONS_TO_KEEP = 1500;
    private static final int USAGE = 2;

    private MongoStandIn() {}

    public static void main(String[] arguments) throws IOException {
        if (arguments.length < 2 || arguments.length > 3) {
            System.err.println("usage: MongoStandIn HOST PORT [FILE]   (without FILE: in memory)");
            System.exit(USAGE);
        }
        String host = arguments[0];
        int port = Integer.parseInt(arguments[1]);
        MongoBackend backend = arguments.length == 3 ? onDisk(Path.of(arguments[2])) : new MemoryBackend();
        MongoServer server = new MongoServer(backend);
        // shutdownNow closes the connections, then the back end, hence the store.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            server.shutdownNow();
            System.err.println("closed");
        }, "close-store"));
        server.bind(host, port);
        System.err.println("listening on " + host + ":" + port + ", " + backend);
    }

    private static MongoBackend onDisk(Path file) throws IOException {
        Files.createDirectories(file.toAbsolutePath().getParent());
        MVStore store = new MVStore.Builder().fileName(file.toString()).cacheSize(CACHE_MEBIBYTES).open();
        store.setAutoCommitDelay(COMMIT_DELAY_MILLIS);
        store.setVersionsToKeep(VERSIONS_TO_KEEP);
        return new H2Backend(store);
    }
}
