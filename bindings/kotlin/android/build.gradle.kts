plugins {
    id("com.android.library") version "8.7.3"
    kotlin("android") version "2.2.20"
}

group = "dev.callie"
version = "0.1.0"

android {
    namespace = "dev.callie"
    compileSdk = 35
    ndkVersion = "28.0.13004108"

    defaultConfig {
        // API level 26 is the first with java.time, without desugaring.
        minSdk = 26
        consumerProguardFiles("consumer-rules.pro")
    }

    sourceSets["main"].java.srcDirs("../src/main/kotlin", "../../../target/bindings/kotlin")

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_11
        targetCompatibility = JavaVersion.VERSION_11
    }
    kotlinOptions {
        jvmTarget = "11"
    }
}

dependencies {
    api("org.jetbrains.kotlinx:kotlinx-coroutines-android:1.10.2")
    api("org.jetbrains.kotlinx:kotlinx-serialization-json:1.9.0")
    // The AAR contains JNA's native library for each processor.
    implementation("net.java.dev.jna:jna:5.17.0@aar")
}
