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
        // java.time is there without help from 26 on.
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
    // As an AAR: it brings JNA's own library for each processor.
    implementation("net.java.dev.jna:jna:5.17.0@aar")
}
